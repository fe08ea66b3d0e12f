"""The clips of the Predict page, run without a browser."""

from __future__ import annotations

import shutil
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest

from fer.clips.job import ClipJob, create_clip_job
from fer.clips.reading import inspect_clip
from fer.clips.samples import Sample
from fer.clips.store import save_timeline
from tests.fer.clips.making import SAD, encode, samples, smiling, timeline_of, together

SMILE = [0.05] * 5 + [0.3, 0.6, 0.9, 0.6, 0.3] + [0.05] * 5
_PATIENCE_S = 60

OpenView = Callable[[], AppTest]


@pytest.fixture(scope="module")
def clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return encode(tmp_path_factory.mktemp("clip") / "smile.mp4", smiling(23))


@pytest.fixture
def open_view(open_page: Callable[..., AppTest]) -> OpenView:
    return lambda: open_page("predict", state={"predict_view": "Clip"})


def read_job(clip: Path, found: list[Sample], *, status: str = "finished", reason: str = "", **changes: object) -> ClipJob:
    """A job that is over, with a timeline of numbers that are known."""
    job = create_clip_job(clip, name="Party.mp4")
    save_timeline(timeline_of(found, **{"name": "Party.mp4", "info": inspect_clip(clip), **changes}), job.path)
    job.write_state(status, reason)
    return job


def two_people() -> list[Sample]:
    return together(samples(SMILE, left=20), samples([0.9] * 15, SAD, left=200))


def texts(at: AppTest) -> str:
    return "\n".join(element.value for element in (*at.markdown, *at.caption, *at.info, *at.warning, *at.error, *at.subheader))


def metric(at: AppTest, label: str) -> str:
    return next(metric.value for metric in at.metric if metric.label == label)


def html(at: AppTest) -> str:
    return "".join(element.proto.body for element in at.get("html"))


def test_clip_view_without_clips_says_what_to_do_and_offers_an_example(open_view: OpenView) -> None:
    at = open_view()
    assert not at.exception
    assert "No clip yet" in texts(at)
    assert at.button(key="clip_example").label == "Draw an example"


def test_clip_view_reads_an_upload_in_the_background(open_view: OpenView, clip: Path) -> None:
    at = open_view()
    at.file_uploader(key="clip_file_0").upload("smile.mp4", clip.read_bytes(), "video/mp4")
    at.run()
    assert not at.exception
    (job,) = ClipJob.all()
    assert job.name == "smile.mp4"
    assert list(job.path.parent.iterdir()) == [job.path]  # the upload itself is gone
    assert at.button(key="clip_stop")
    limit = time.monotonic() + _PATIENCE_S
    while job.is_going:
        assert time.monotonic() < limit
        time.sleep(0.1)
    at.run()
    assert job.status == "finished", job.reason
    assert metric(at, "People") == "1"
    assert "happy" in metric(at, "Shown most")


def test_clip_view_draws_an_example_when_asked(open_view: OpenView, monkeypatch: pytest.MonkeyPatch, clip: Path) -> None:
    monkeypatch.setattr("ui.predict.clip.write_example", lambda path: shutil.copyfile(clip, path))  # drawing takes seconds
    at = open_view()
    at.button(key="clip_example").click().run()
    assert not at.exception
    (job,) = ClipJob.all()
    assert "drawn" in job.name
    if job.is_going:
        job.stop()


def test_clip_view_refuses_what_is_no_clip_in_words(open_view: OpenView) -> None:
    at = open_view()
    at.file_uploader(key="clip_file_0").upload("notes.mp4", b"these are no frames", "video/mp4")
    at.run()
    assert not at.exception
    assert "no clip" in at.error[0].value
    assert ClipJob.all() == []


def test_clip_view_shows_people_moments_and_shares(open_view: OpenView, clip: Path) -> None:
    job = read_job(clip, two_people())
    at = open_view()
    assert not at.exception
    assert "Party.mp4" in texts(at)
    assert metric(at, "People") == "2"
    assert metric(at, "Frames read") == "15"
    assert len(at.get("plotly_chart")) == 2
    assert at.dataframe[0].value["what"].tolist() == ["neutral → happy", "most happy", "happy → neutral"]
    assert at.slider(key=f"clip_cursor_{job.id}").value == pytest.approx(0.7)  # at first, where the expression is strongest
    assert "happy" in html(at)
    at.selectbox(key=f"clip_person_{job.id}").select(2).run()
    assert not at.exception
    assert "sad" in html(at)
    assert at.dataframe[0].value["what"].tolist() == ["most sad"]


def test_clip_view_shows_what_stands_under_the_cursor(open_view: OpenView, clip: Path) -> None:
    job = read_job(clip, samples(SMILE))
    at = open_view()
    assert "<strong>happy" in html(at)
    at.slider(key=f"clip_cursor_{job.id}").set_value(0.2).run()
    assert not at.exception
    assert "<strong>neutral" in html(at)
    assert "<strong>happy" not in html(at)


def test_clip_view_subtracts_a_baseline(open_view: OpenView, clip: Path) -> None:
    read_job(clip, samples(SMILE))
    at = open_view()
    at.selectbox(key="clip_baseline").select("Their mean").run()
    assert not at.exception
    assert "usual face" in texts(at)
    at.selectbox(key="clip_baseline").select("A stretch at rest").run()
    assert not at.exception
    rest = next(slider for slider in at.slider if slider.label == "The face is at rest")
    assert rest.value == (0.0, 1.0)


def test_clip_view_shows_raw_probabilities_on_request(open_view: OpenView, clip: Path) -> None:
    read_job(clip, samples(SMILE), smoothing_s=0.5)
    at = open_view()
    smoothed = at.get("plotly_chart")[0].proto.spec
    next(group for group in at.get("button_group") if group.label == "Probabilities").set_value("Raw").run()
    assert not at.exception
    assert at.get("plotly_chart")[0].proto.spec != smoothed


def test_clip_view_makes_the_annotated_clip(open_view: OpenView, clip: Path) -> None:
    job = read_job(clip, samples(SMILE))
    at = open_view()
    assert [button.label for button in at.get("download_button")] == ["Table (CSV)", "Subtitles (WebVTT)", "Everything (JSON)"]
    at.button(key="clip_annotate_start").click().run()
    limit = time.monotonic() + _PATIENCE_S
    while not (job.path / "annotated.mp4").is_file():
        assert time.monotonic() < limit
        time.sleep(0.05)
    at.run()
    assert not at.exception
    assert "Annotated clip (MP4)" in [button.label for button in at.get("download_button")]


def test_clip_view_of_an_interrupted_reading_says_why_and_offers_to_go_on(open_view: OpenView, clip: Path) -> None:
    create_clip_job(clip).write_state("running", "Reading the clip")
    at = open_view()
    assert not at.exception
    assert "killed" in texts(at)
    assert at.button(key="clip_resume")


def test_clip_view_of_a_stopped_reading_shows_what_there_is(open_view: OpenView, clip: Path) -> None:
    read_job(clip, samples(SMILE), status="stopped", reason="Stopped on request.", is_whole=False)
    at = open_view()
    assert "Stopped on request" in texts(at)
    assert metric(at, "People") == "1"
    assert at.button(key="clip_resume")


def test_clip_view_without_a_face_gives_advice(open_view: OpenView, clip: Path) -> None:
    read_job(clip, [replace(sample, predictions=()) for sample in samples(SMILE)])
    at = open_view()
    assert "No face found in this clip" in texts(at)
    assert "What helps" in texts(at)


def test_clip_view_says_that_a_clip_is_cut_short(open_view: OpenView, clip: Path) -> None:
    read_job(clip, samples(SMILE), info=replace(inspect_clip(clip), duration_s=60.0))
    assert "cut short" in texts(open_view())


def test_clip_view_deletes_a_clip_and_chooses_among_several(open_view: OpenView, clip: Path) -> None:
    jobs = [read_job(clip, samples(SMILE)), read_job(clip, two_people())]
    at = open_view()
    choice = at.selectbox(key="clip_chosen")
    assert len(set(choice.options)) == 2
    other = next(job for job in jobs if job.id != choice.value)
    at.selectbox(key="clip_baseline").select("A stretch at rest").run()
    choice.select(other.id).run()
    assert not at.exception
    at.button(key="clip_delete").click().run()
    assert not at.exception
    assert [job.id for job in ClipJob.all()] == [job.id for job in jobs if job != other]


def test_clip_view_of_a_folder_that_says_nothing_can_still_be_deleted(open_view: OpenView, clip: Path) -> None:
    job = read_job(clip, samples(SMILE))
    (job.path / "clip.json").write_text("{", encoding="utf-8")
    at = open_view()
    assert not at.exception
    assert "damaged" in at.error[0].value
    at.button(key="clip_delete").click().run()
    assert ClipJob.all() == []


def test_clip_view_of_a_damaged_folder_says_so(open_view: OpenView, clip: Path) -> None:
    job = read_job(clip, samples(SMILE))
    (job.path / "timeline.parquet").write_bytes(b"no table")
    at = open_view()
    assert not at.exception
    assert "damaged" in at.error[0].value

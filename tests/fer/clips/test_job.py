"""A clip in the background: real processes, stopped, killed and gone on with."""

from __future__ import annotations

import json
import os
import signal
import time
from collections.abc import Callable
from pathlib import Path

import psutil
import pytest

from fer.clips.job import SAMPLES_FILE, ClipJob, create_clip_job
from fer.clips.settings import ClipSettings
from fer.clips.worker import run_clip
from fer.errors import ClipError, RunError
from fer.workspace import clips_dir
from tests.fer.clips.making import encode, smiling

_PATIENCE_S = 60
SETTINGS = ClipSettings(rate=5.0, detector="haar")


@pytest.fixture(scope="module")
def clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return encode(tmp_path_factory.mktemp("clip") / "smile.mp4", smiling(15))


@pytest.fixture(scope="module")
def long_clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Half a minute at 15 frames a second: longer to read than it takes to kill."""
    return encode(tmp_path_factory.mktemp("clip") / "long.mp4", smiling(450))


def wait_until(met: Callable[[], bool]) -> None:
    limit = time.monotonic() + _PATIENCE_S
    while not met():
        assert time.monotonic() < limit, "waited in vain"
        time.sleep(0.05)


def test_create_clip_job_keeps_a_copy_and_what_was_asked_for(clip: Path) -> None:
    job = create_clip_job(clip, SETTINGS, name="Party.MP4")
    assert job.path.parent == clips_dir()
    assert (job.name, job.settings, job.info.resolution_wh) == ("Party.MP4", SETTINGS, (320, 240))
    assert job.clip_path.read_bytes() == clip.read_bytes()
    assert (job.progress, job.has_timeline, job.is_going) == (0.0, False, False)
    assert ClipJob.find(job.id) == job
    with pytest.raises(RunError, match="not read yet"):
        job.timeline()


def test_create_clip_job_of_what_is_no_clip_leaves_nothing(tmp_path: Path) -> None:
    (tmp_path / "a.mp4").write_bytes(b"no clip at all")
    with pytest.raises(ClipError):
        create_clip_job(tmp_path / "a.mp4")
    assert ClipJob.all() == []
    assert not clips_dir().exists()


@pytest.mark.parametrize("job_id", ["../runs", "20260131-120000-0123456789ab", "", "a/b", "x" * 500])
def test_find_clip_job_knows_only_ids_of_the_workspace(job_id: str) -> None:
    with pytest.raises(RunError, match="There is no clip"):
        ClipJob.find(job_id)


def test_run_clip_in_this_process_reads_to_the_end(clip: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(signal, "signal", lambda number, handler: None)  # that of the tests stays
    job = run_clip(create_clip_job(clip, SETTINGS))
    assert (job.status, job.progress) == ("finished", 1.0)
    timeline = job.timeline()
    assert timeline.shares(timeline.people[0])["happy"] > 0.9
    with pytest.raises(RunError, match="is finished"):
        job.resume()


def test_job_that_is_killed_is_interrupted_says_so_and_goes_on(long_clip: Path) -> None:
    job = create_clip_job(long_clip, ClipSettings(rate=15.0, detector="haar"))
    job.launch()
    wait_until(lambda: job.progress > 0.02)
    assert job.status == "running"
    pid = json.loads((job.path / "worker.json").read_text())["pid"]
    if psutil.LINUX:
        assert not any("tensorflow" in mapped.path for mapped in psutil.Process(pid).memory_maps())
    os.kill(pid, signal.SIGKILL)
    wait_until(lambda: not job.is_active)
    assert job.status == "interrupted"
    assert "killed" in job.reason
    assert not job.has_timeline
    before = (job.path / SAMPLES_FILE).read_text(encoding="utf-8").splitlines()
    job.resume()
    wait_until(lambda: len((job.path / SAMPLES_FILE).read_text(encoding="utf-8").splitlines()) > len(before) + 3)
    job.stop()
    wait_until(lambda: not job.is_active)
    assert job.status == "stopped"
    timeline = job.timeline()
    assert not timeline.is_whole
    assert 0 < job.progress < 1
    # What was read before the kill was not read again.
    after = (job.path / SAMPLES_FILE).read_text(encoding="utf-8").splitlines()
    assert after[: len(before) - 1] == before[:-1]
    times = [json.loads(row)["time"] for row in after[1:]]
    assert times == sorted(set(times))
    job.delete()
    assert ClipJob.all() == []


def test_job_that_cannot_be_read_fails_in_words(clip: Path) -> None:
    job = create_clip_job(clip, ClipSettings(model="unheard-of"))
    job.launch()
    wait_until(lambda: not job.is_active)
    assert job.status == "failed"
    assert "unheard-of" in job.reason


def test_clip_jobs_are_listed_newest_first(clip: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    made = [create_clip_job(clip, SETTINGS, name=name) for name in ("one", "two")]
    made[0].path.rename(made[0].path.with_name("20200101-000000-0123456789ab"))
    assert [job.name for job in ClipJob.all()] == ["two", "one"]


def test_clip_job_of_another_folder_says_so(tmp_path: Path) -> None:
    with pytest.raises(RunError, match="There is no clip"):
        ClipJob(tmp_path)

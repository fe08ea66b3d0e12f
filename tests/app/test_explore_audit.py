"""Explore's audit: made on a button, its findings reviewed and accepted, and the list of decisions that comes of it."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path

import cv2
import pytest
import streamlit as st
from streamlit.testing.v1 import AppTest

from fer.bundles import DEFAULT_MODEL, load_bundle
from fer.data import Dataset, read_dataset, synthetic_dataset
from fer.evaluation import list_reports, load_report
from fer.files import write_json
from fer.labels import FER7
from fer.quality import audit as audit_module
from fer.quality.audit import audit
from fer.quality.cleaning import CleaningList, default_place
from fer.quality.findings import Audit, Finding
from fer.quality.settled import FindingTable
from fer.training import list_runs
from fer.workspace import workspace_dir
from ui.explore.audit_place import Place, go, place
from ui.explore.audits_going import STEPS, AuditShelf, expected_time
from ui.explore.resplit import split_anew
from ui.explore.review import _About, _decide
from ui.state import DatasetChoice

OpenPage = Callable[..., AppTest]
OpenAudit = Callable[[Path], AppTest]


def _make_faces(where: Path) -> Path:
    """A folder of 26 faces: a blank one, one that stands in train and val, and one under two labels. Too few to judge labels."""
    folder = where / "faces"
    drawn = synthetic_dataset(24, label_set=FER7, seed=3)
    images = [drawn.images[row] for row in range(len(drawn))]
    places = [("train" if row < 14 else "val", "happy" if row % 2 else "sad", f"{row}.png") for row in range(len(drawn))]
    blank = images[4] * 0 + 90
    planted = {
        ("train", "sad", "4.png"): blank,
        ("train", "happy", "leak.png"): images[15],
        ("train", "sad", "two.png"): images[1],
    }
    for (split, label, name), image in (dict(zip(places, images, strict=True)) | planted).items():
        (folder / split / label).mkdir(parents=True, exist_ok=True)
        cv2.imwrite(str(folder / split / label / name), image[..., ::-1])
    return folder


@pytest.fixture
def faces(tmp_path: Path) -> Path:
    return _make_faces(tmp_path)


@pytest.fixture(scope="module")
def found(tmp_path_factory: pytest.TempPathFactory) -> Audit:
    """The audit of that folder, made once."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("FER_CACHE", str(tmp_path_factory.mktemp("cache")))
        return audit(read_dataset(_make_faces(tmp_path_factory.mktemp("found"))))


@pytest.fixture
def audited(faces: Path, found: Audit) -> Dataset:
    """That folder, with its audit in the cache."""
    dataset = read_dataset(faces)
    file = audit_module._file(dataset, load_bundle(DEFAULT_MODEL))
    file.parent.mkdir(parents=True)
    write_json(file, found.as_dict())
    return dataset


@pytest.fixture
def open_audit(open_page: OpenPage) -> OpenAudit:
    return lambda folder: open_page("explore", dataset=str(folder), state={"explore_view": "Audit"})


def shown(app: AppTest) -> AppTest:
    assert not app.exception, app.exception
    return app


def press(app: AppTest, key: str) -> AppTest:
    return shown(app.button(key=key).click().run())


def metrics(app: AppTest) -> dict[str, str]:
    return {metric.label: metric.value for metric in app.metric}


def texts(app: AppTest) -> str:
    return unescaped("\n".join(element.value for element in (*app.markdown, *app.caption, *app.subheader)))


def unescaped(text: str) -> str:
    """A text as it is read: `ui.words.plain` marks what Markdown would take for its own."""
    return text.replace("\\", "")


def keys(app: AppTest) -> set[str]:
    return {button.key for button in app.button if button.key}


def kept(folder: Path) -> set[tuple[str, str, str]]:
    """What the list on disk says."""
    decisions = CleaningList.load(default_place(str(folder))).in_force.values()
    return {(decision.name, decision.action, decision.value) for decision in decisions}


def test_audit_is_made_on_a_button_and_shown_at_once_the_next_time(open_audit: OpenAudit, faces: Path) -> None:
    app = open_audit(faces)
    assert app.button(key="audit_start").label == "Audit 26 images, some seconds"
    app = press(app, "audit_start")
    limit = time.monotonic() + 200
    while "audit_stop" in keys(app) and time.monotonic() < limit:
        time.sleep(1)
        app = shown(app.run())
    assert (metrics(app)["Leaks"], metrics(app)["Identical copies"]) == ("1", "2")
    assert "**Conflicting labels** · 1 finding in 2 images" in texts(app)
    assert "strip_list" in keys(open_audit(faces)), "a reload finds it"


def test_a_failed_audit_says_why_and_can_be_tried_again(
    open_audit: OpenAudit, faces: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*args: object, **kwargs: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("ui.explore.audits_going.audit", fail)
    app = press(open_audit(faces), "audit_start")
    app = shown(app.run())
    assert "No space left on device. Free some space" in unescaped(app.error[0].value)
    assert "audit_start" in keys(app)


def test_an_audit_is_made_once_and_stops_when_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    dataset, bundle, calls = synthetic_dataset(4), load_bundle(DEFAULT_MODEL), []

    def never_done(*args: object, progress: Callable[[str, float], None], **kwargs: object) -> None:
        calls.append(args)
        while True:
            progress("Asking the model", 0.5)
            time.sleep(0.01)

    monkeypatch.setattr("ui.explore.audits_going.audit", never_done)
    shelf = AuditShelf()
    shelf.start(dataset, bundle)
    job = shelf.job(dataset, bundle)
    shelf.start(dataset, bundle)
    assert job is shelf.job(dataset, bundle) is not None
    while job.step != "Asking the model":
        time.sleep(0.01)
    assert job.done == pytest.approx(STEPS["Measuring images"] + STEPS["Comparing images"] + STEPS["Asking the model"] / 2)
    job.stopping.set()
    assert job.ended.wait(20)
    assert (len(calls), shelf.job(dataset, bundle), shelf.find(dataset, bundle)) == (1, None, None)
    assert sum(STEPS.values()) == pytest.approx(1)


@pytest.mark.parametrize(("n", "words"), [(500, "some seconds"), (32_298, "about a minute"), (300_000, "about 10 minutes")])
def test_expected_time(n: int, words: str) -> None:
    assert expected_time(n) == words


def test_accepting_a_kind_is_kept_at_once_and_undone(open_audit: OpenAudit, audited: Dataset, faces: Path) -> None:
    app = press(open_audit(faces), "accept_identical")
    assert kept(faces) == {("train/happy/leak.png", "drop", ""), ("train/sad/two.png", "drop", "")}
    assert "Cleaned: 2 dropped" in texts(app)
    assert app.button(key="accept_leak").disabled, "the leak went with the copy"
    again = open_audit(faces)
    assert "Cleaned: −2 images" in [caption.value for caption in again.sidebar.caption]
    again = press(again, "undo_identical")
    assert kept(faces) == set()
    assert "Nothing is decided yet" in texts(again)


def test_review_decides_and_goes_on(open_audit: OpenAudit, audited: Dataset, faces: Path) -> None:
    app = press(press(open_audit(faces), "look_identical"), "findings_review")
    assert "**1 of 2**, 0 settled" in texts(app)
    app = press(app, "review_proposed_0")
    app = press(app, "review_label_1_1")  # happy: it relabels the copy, which stays one too many, so the finding stays open
    assert {(action, value) for _, action, value in kept(faces)} == {("drop", ""), ("relabel", "happy")}
    assert "**2 of 2**, 1 settled" in texts(app)
    app = press(app, "review_undo_1")
    app = press(app, "review_skip_1")
    assert "1 finding not decided yet" in app.info[0].value
    app = press(press(app, "review_again"), "review_keep_1")
    assert "All 2 findings settled." in app.success[0].value
    assert {action for _, action, _ in kept(faces)} == {"drop", "keep"}


def test_review_of_a_group_decides_about_the_images_that_are_picked(open_audit: OpenAudit, audited: Dataset, faces: Path) -> None:
    app = press(press(open_audit(faces), "look_leak"), "open_leak_0")
    (pills,) = [group for group in app.pills if group.label == "Decide about"]
    app = shown(pills.set_value([0]).run())
    app = press(app, "review_drop_0")
    assert kept(faces) == {("val/happy/15.png", "drop", ""), ("train/happy/leak.png", "keep", "")}
    app = press(press(app, "review_finished"), "look_leak")
    app = press(press(app, "open_leak_0"), "review_undo_0")
    assert kept(faces) == set(), "both decisions were one"


def test_review_leaves_what_has_gone_where_it_is(open_audit: OpenAudit, audited: Dataset, faces: Path) -> None:
    app = press(press(open_audit(faces), "accept_identical"), "look_conflict")
    app = press(press(app, "open_conflict_0"), "review_label_2_0")
    assert ("train/sad/two.png", "drop", "") in kept(faces), "only the copy that is left gets a label"
    assert ("train/happy/1.png", "relabel", "sad") in kept(faces)


def test_a_key_pressed_twice_decides_once(audited: Dataset, found: Audit, faces: Path) -> None:
    table = FindingTable(audited, found)
    about = _About(table.by_kind["identical"][0].targets)
    st.session_state["active_dataset"] = DatasetChoice(str(faces))
    go(table, Place("identical", 0))
    for _ in range(2):  # the second came before the next picture was drawn
        _decide(audited, table, "identical", 0, about, "drop")
    assert len(CleaningList.load(default_place(str(faces))).history) == 1
    assert place(table) == Place("identical", 1)
    st.session_state.clear()


def test_the_list_has_a_history_and_can_begin_anew(open_audit: OpenAudit, audited: Dataset, faces: Path) -> None:
    app = press(press(open_audit(faces), "accept_blank"), "accept_identical")
    app = press(app, "strip_list")
    assert "drop 2 (Identical images)" in texts(app)
    assert "4.png: drop (Blank images)" in texts(app)
    assert str(default_place(str(faces))) in app.code[0].value
    app = press(app, "back_1")
    assert kept(faces) == {("train/sad/4.png", "drop", "")}
    app = press(press(app, "list_start_over"), "start_over_no")
    assert len(kept(faces)) == 1
    press(press(app, "list_start_over"), "start_over_yes")
    assert kept(faces) == set()


def test_another_list_is_merged_with_its_conflicts_shown(
    open_audit: OpenAudit, audited: Dataset, faces: Path, tmp_path: Path
) -> None:
    CleaningList().decide(audited, [0], "drop").save(default_place(str(faces)))
    CleaningList().decide(audited, [0], "relabel", "sad").decide(audited, [1], "drop").save(tmp_path / "theirs.csv")
    app = press(open_audit(faces), "strip_list")
    app = app.file_uploader[-1].upload("theirs.csv", (tmp_path / "theirs.csv").read_bytes(), "text/csv").run()
    assert "**1 conflict**" in texts(app)
    assert app.dataframe[0].value["there"][0].startswith("relabel to sad")
    press(app, "list_merge")
    assert {(action, value) for _, action, value in kept(faces)} == {("relabel", "sad"), ("drop", "")}


def test_a_damaged_list_is_said_and_never_overwritten(
    open_audit: OpenAudit, open_page: OpenPage, audited: Dataset, faces: Path
) -> None:
    place = default_place(str(faces))
    place.write_text("# fer cleaning list 1\nname,content_id,action,value,reason,decided\na.png,17,drop,,,yesterday\n")
    app = open_audit(faces)
    assert "line 3: expected a content id" in unescaped(app.error[0].value)
    assert not any(key.startswith("accept_") for key in keys(app))
    assert "The cleaning list cannot be read" in [caption.value for caption in app.sidebar.caption]
    train = open_page("train", dataset=str(faces))
    assert "line 3" in train.error[0].value, "it is not left out without a word"
    assert "yesterday" in place.read_text()
    app = press(app, "list_set_aside")
    assert "strip_list" in keys(app)
    (aside,) = place.parent.glob("*.damaged-*")
    assert "yesterday" in aside.read_text()


def test_split_anew_keeps_copies_together(open_audit: OpenAudit, audited: Dataset, faces: Path) -> None:
    app = press(open_audit(faces), "resplit")
    cleaned, summary = CleaningList.load(default_place(str(faces))).apply(audited)
    assert summary.moved > 0
    assert {cleaned.splits[row] for row in range(26) if "15" in cleaned.names[row] or "leak" in cleaned.names[row]} in (
        {"train"}, {"val"}, {"test"},
    )  # fmt: skip
    app = shown(app.number_input(key="resplit_train").set_value(70).run())
    assert app.button(key="resplit").disabled
    assert "The shares make 90 %, not 100 %." in texts(app)


def test_split_anew_keeps_near_duplicates_of_what_is_left_together() -> None:
    dataset = synthetic_dataset(40, seed=1)
    found = tuple(Finding("near_duplicate", (row, row + 1, row + 2), 0.9, "drop", kept=1) for row in range(0, 39, 3))
    table = FindingTable(dataset, Audit("x", dataset.fingerprint, 40, found, {}))
    decided = CleaningList().decide(dataset, [0, 7], "drop")
    cleaned, summary = split_anew(dataset, table, decided, (50, 30, 20), 0).apply(dataset)
    assert (summary.after, summary.dropped) == (38, 2)
    place = dict(zip(cleaned.names.tolist(), cleaned.splits.tolist(), strict=True))
    for finding in found:
        assert len({place[dataset.names[row]] for row in finding.indices if dataset.names[row] in place}) == 1
    assert set(place.values()) == {"train", "val", "test"}


def test_train_takes_the_list_unless_it_is_switched_off(
    open_page: OpenPage, audited: Dataset, faces: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("fer.training.run.Run.launch", lambda run: None)
    assert not [toggle for toggle in open_page("train", dataset=str(faces)).toggle if toggle.key == "run_cleaning"]
    CleaningList().decide(audited, [0, 1], "drop").save(default_place(str(faces)))
    app = open_page("train", dataset=str(faces))
    assert app.toggle(key="run_cleaning").label == "Use the cleaning list (2 decisions)"
    assert f"--cleaning {default_place(str(faces))}" in app.code[0].value
    press(app, "run_start")
    (run,) = list_runs()
    assert run.cleaning is not None
    assert run.cleaning.read_bytes() == default_place(str(faces)).read_bytes()
    app = shown(open_page("train", dataset=str(faces)).toggle(key="run_cleaning").set_value(False).run())
    assert "--cleaning" not in app.code[0].value


def test_evaluate_takes_the_list_where_it_is_switched_on(open_page: OpenPage) -> None:
    dataset = read_dataset("synthetic:160")
    tested = [row for row in range(160) if dataset.splits[row] == "test"]
    CleaningList().decide(dataset, tested[:3], "drop").save(default_place("synthetic:160"))
    assert default_place("synthetic:160").is_relative_to(workspace_dir())
    app = open_page("evaluate")
    assert list_reports()[0].dataset == "synthetic", "as it came, unless somebody asks"
    app = shown(app.toggle(key="evaluate_cleaning").set_value(True).run())
    press(app, "evaluate_start")
    report = load_report(list_reports()[0].path)
    assert (report.dataset, report.n) == ("synthetic, cleaned", len(tested) - 3)
    assert report.notes[0].startswith("The dataset was seen through the cleaning list synthetic-160-")

"""Reports: what is saved is what is loaded, nothing half-written stays, and damage is noticed."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from fer.errors import DataError
from fer.evaluation import report as reports
from fer.evaluation.ferplus import FerPlusScore
from fer.evaluation.report import PROBABILITIES_FILE, REPORT_FILE, Report, list_reports, load_report, reports_dir
from fer.evaluation.taggers import AgreementRow, HumanLine, TaggerFigures
from fer.evaluation.text import classification_text
from fer.labels import FER7
from fer.words import percent


def make_report(n: int = 60, **changes: Any) -> Report:
    rng = np.random.default_rng(0)
    y_true = rng.integers(0, len(FER7), n).astype(np.int16)
    logits = rng.normal(size=(n, len(FER7)))
    logits[np.arange(n), y_true] += 1.5
    y_prob = (np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)).astype(np.float32)
    report = Report(
        label_set=FER7,
        y_true=y_true,
        y_prob=y_prob,
        names=np.array([f"val/angry/PublicTest_{i}.png" for i in range(n)]),
        model="compact",
        bundle_sha256="ab" * 32,
        head="labels",
        dataset="fer2013",
        source="fer2013.zip",
        fingerprint="cd" * 32,
        split="val",
        created="2026-11-20T12:34:56+00:00",
        has_train_twin=np.arange(n) < 10,
        ferplus=FerPlusScore(50, 0.8, (0.67, 0.89), 0.7, 0.05, 0.4, 58),
        notes=("A note.",),
    )
    return replace(report, **changes)


@pytest.mark.parametrize("changes", [{}, {"has_train_twin": None, "ferplus": None, "notes": ()}], ids=["full", "bare"])
def test_load_report_gives_back_what_was_saved(tmp_path: Path, changes: dict[str, Any]) -> None:
    saved = make_report(**changes)
    folder = saved.save(tmp_path / "report")
    loaded = load_report(folder)
    assert loaded.as_dict() == saved.as_dict()
    for column in ("y_true", "y_prob", "names"):
        assert (getattr(loaded, column) == getattr(saved, column)).all()
        assert getattr(loaded, column).dtype == getattr(saved, column).dtype
    assert (loaded.label_set, loaded.ferplus, loaded.notes) == (saved.label_set, saved.ferplus, saved.notes)
    assert load_report(folder / REPORT_FILE).n == saved.n


def test_save_without_a_folder_makes_a_new_one_each_time() -> None:
    first, second = make_report().save(), make_report().save()
    assert first.parent == second.parent == reports_dir()
    assert first.name == "20261120123456-compact-fer2013-val"
    assert second.name == first.name + "-2"
    assert load_report(first.name).n == 60


def test_save_over_something_is_refused(tmp_path: Path) -> None:
    (tmp_path / "keep.txt").write_text("mine")
    with pytest.raises(DataError, match="name another"):
        make_report().save(tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["keep.txt"]


def test_save_into_an_empty_folder_fills_it(tmp_path: Path) -> None:
    assert {path.name for path in make_report().save(tmp_path).iterdir()} == {REPORT_FILE, PROBABILITIES_FILE}


def test_save_on_a_full_disk_leaves_nothing_behind(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object, **__: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(reports.np, "savez_compressed", full)
    with pytest.raises(DataError, match="No space left"):
        make_report().save(tmp_path / "report")
    assert not list(tmp_path.iterdir())


def test_save_below_a_file_is_refused(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(DataError, match="Cannot write the report"):
        make_report().save(tmp_path / "file" / "report")


def test_id_of_odd_names_is_one_plain_folder_name() -> None:
    name = make_report(model="../my model", dataset="a/b:c" + "x" * 300, split="all").id
    assert name.startswith("20261120123456-my_model-a_b_c")
    assert len(name) < 120


def edit_card(folder: Path, change: Callable[[dict[str, Any]], Any]) -> None:
    card = json.loads((folder / REPORT_FILE).read_text(encoding="utf-8"))
    change(card)
    (folder / REPORT_FILE).write_text(json.dumps(card), encoding="utf-8")


def cut(path: Path) -> None:
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])


def flip_byte(path: Path) -> None:
    data = bytearray(path.read_bytes())
    data[len(data) // 3] ^= 0xFF
    path.write_bytes(data)


@pytest.mark.parametrize(
    ("damage", "named"),
    [
        (lambda f: cut(f / REPORT_FILE), REPORT_FILE),
        (lambda f: (f / REPORT_FILE).write_text("[]"), "format"),
        (lambda f: edit_card(f, lambda card: card.update(format=99)), "format 1, received 99"),
        (lambda f: edit_card(f, lambda card: card.pop("model")), "model"),
        (lambda f: edit_card(f, lambda card: card["labels"].pop()), "y_prob"),
        (lambda f: edit_card(f, lambda card: card["confusion"][0].__setitem__(0, 999)), "do not follow"),
        (lambda f: edit_card(f, lambda card: card.update(accuracy=0.99)), "accuracy do not follow"),
        (lambda f: edit_card(f, lambda card: card.update(leaks=0)), "leaks do not follow"),
        (lambda f: edit_card(f, lambda card: card.update(ferplus={"n": 1, "accuracy_ci95": [0, 1]})), "accuracy"),
        (lambda f: cut(f / PROBABILITIES_FILE), PROBABILITIES_FILE),
        (lambda f: flip_byte(f / PROBABILITIES_FILE), PROBABILITIES_FILE),
        (lambda f: (f / PROBABILITIES_FILE).write_text("hello"), PROBABILITIES_FILE),
        (lambda f: (f / PROBABILITIES_FILE).unlink(), PROBABILITIES_FILE),
        (lambda f: np.savez(f / PROBABILITIES_FILE, y_true=np.zeros(3)), "y_prob"),
    ],
)
def test_load_report_of_damaged_files_is_refused(tmp_path: Path, damage: Callable[[Path], object], named: str) -> None:
    folder = make_report().save(tmp_path / "report")
    damage(folder)
    with pytest.raises(DataError, match="damaged or was changed") as caught:
        load_report(folder)
    assert named in str(caught.value)


def test_load_report_from_before_a_figure_works_it_out_or_says_that_it_lacks_it(tmp_path: Path) -> None:
    folder = make_report().save(tmp_path / "report")
    later = ("kappa", "mcc", "top2_accuracy", "aurc", "kappa_ci95", "mcc_ci95", "reliability", "recalibrated", "taggers")
    edit_card(folder, lambda card: [card.pop(name, None) for name in later])
    loaded = load_report(folder)
    assert loaded.kappa == make_report().kappa
    assert loaded.lacks == ("accuracy by tagger agreement, and that of a single tagger",)
    assert "accuracy by tagger agreement" in classification_text(loaded)
    assert replace(loaded, ferplus=None).lacks == ()


def test_load_report_with_a_changed_kappa_is_refused(tmp_path: Path) -> None:
    folder = make_report().save(tmp_path / "report")
    edit_card(folder, lambda card: card.update(kappa=0.99))
    with pytest.raises(DataError, match="kappa do not follow"):
        load_report(folder)


def test_load_report_keeps_the_figures_of_taggers(tmp_path: Path) -> None:
    row = AgreementRow(0, 4, 20, 0.5, (0.3, 0.7))
    human = HumanLine(58, 0.8, (0.75, 0.85), 0.82, (0.8, 0.84), 0.02, (-0.01, 0.05))
    report = make_report(taggers=TaggerFigures((row, AgreementRow(10, 10, 38, 0.9, (0.8, 0.97))), human))
    loaded = load_report(report.save(tmp_path / "report"))
    assert (loaded.taggers, loaded.lacks) == (report.taggers, ())
    text = classification_text(loaded)
    assert "where so many of 10 taggers agree: 4 or fewer 50.0 %, 10 90.0 %" in text
    assert "a single tagger 80.0 %, the model 82.0 % (+2.0 points, -1.0 to +5.0)" in text


def test_load_report_with_no_report_there_names_those_that_are(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="none yet"):
        load_report(tmp_path)
    saved = make_report().save()
    with pytest.raises(DataError, match=saved.name):
        load_report("unknown")


def test_list_reports_gives_the_newest_first_and_damaged_ones_last() -> None:
    assert list_reports() == []
    older = make_report(created="2026-11-19T08:00:00+00:00").save()
    newer = make_report(model="cnn4").save()
    broken = make_report(created="2026-11-21T08:00:00+00:00").save()
    cut(broken / REPORT_FILE)
    (reports_dir() / ".half-written").mkdir()
    listed = list_reports()
    assert [summary.path for summary in listed] == [newer, older, broken]
    assert (listed[0].model, listed[0].split, listed[0].n, listed[0].problem) == ("cnn4", "val", 60, "")
    assert listed[0].accuracy == pytest.approx(make_report().accuracy)
    assert "damaged" in listed[2].problem


def test_leaks_are_counted_and_left_out_of_the_leak_free_accuracy() -> None:
    report = make_report()
    assert report.leaks == 10
    assert report.accuracy_leak_free == pytest.approx(np.mean(report.y_pred[10:] == report.y_true[10:]))
    unknown = replace(report, has_train_twin=None)
    assert (unknown.leaks, unknown.accuracy_leak_free) == (None, None)
    assert replace(report, has_train_twin=np.ones(60, bool)).accuracy_leak_free is None


def test_report_with_a_name_missing_is_refused() -> None:
    with pytest.raises(DataError, match="60 images"):
        make_report(names=np.array(["one"]))


def test_classification_text_says_what_the_report_says() -> None:
    report = make_report()
    text = classification_text(report)
    assert text.startswith("compact on fer2013 (val): 60 images, head labels")
    assert "top-2" in text
    for part in (
        f"accuracy {percent(report.accuracy, 2)}",
        f"kappa {report.kappa:.3f} (",
        f"MCC {report.mcc:.3f} (",
        "FER+ strict 80.00 %",
        "n = 50",
        "10 images",
        "A note.",
        *FER7,
    ):
        assert part in text
    pair = report.most_confused[0]
    assert f"{pair['true']} taken for {pair['predicted']}: {pair['count']}" in text
    assert max(map(len, text.splitlines())) <= 110


def test_report_keeps_the_versions_that_made_it(tmp_path: Path) -> None:
    made = replace(make_report(), versions={"NumPy": "2.4"})
    made.save(tmp_path / "report")
    assert load_report(tmp_path / "report").versions == {"NumPy": "2.4"}
    card = tmp_path / "report" / "report.json"
    card.write_text(json.dumps({**json.loads(card.read_text()), "versions": ["2.4"]}))
    with pytest.raises(DataError, match="damaged"):
        load_report(tmp_path / "report")

"""Evaluate's view Compare: reports of the same images side by side, why others do not fit, and the reference systems' table."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from streamlit.testing.v1 import AppTest

from fer.bundles import DEFAULT_MODEL, load_bundle
from fer.data import synthetic_dataset
from fer.evaluation import Report, compare_reports, evaluate, list_reports
from fer.evaluation.checks import Check
from fer.labels import FER7
from ui.evaluate import reference
from ui.evaluate.compare import _finding, mistakes_words
from ui.evaluate.reference import _figures, model_rows, system_rows

OpenPage = Callable[..., AppTest]
CREATED = "2026-11-20T1{}:00:00+00:00"


def a_report(model: str, wrong: slice, hour: int = 0, **changes: object) -> Report:
    """70 images of seven classes in turn, of which these are answered wrongly."""
    y_true = (np.arange(70) % 7).astype(np.int16)
    answers = y_true.copy()
    answers[wrong] = (answers[wrong] + 1) % 7
    y_prob = np.full((70, 7), 0.05, np.float32)
    y_prob[np.arange(70), answers] = 0.7
    report = Report(
        label_set=FER7, y_true=y_true, y_prob=y_prob, names=np.array([f"val/{i}.png" for i in range(70)]), model=model,
        bundle_sha256=model * 10, head="labels", dataset="faces", source="/gone/faces.zip", fingerprint="1" * 64, split="val",
        created=CREATED.format(hour),
    )  # fmt: skip
    return replace(report, **changes) if changes else report  # type: ignore[arg-type]


def words(app: AppTest) -> str:
    return "\n".join(element.value for element in [*app.markdown, *app.caption, *app.error, *app.info, *app.subheader])


def open_compare(open_page: OpenPage) -> AppTest:
    return open_page("evaluate", state={"evaluate_view": "Compare"})


def table_with(app: AppTest, column: str) -> dict[str, list[object]]:
    (table,) = [table.value for table in app.dataframe if column in table.value.columns]
    return {name: table[name].tolist() for name in table.columns}


def test_compare_says_who_is_better_and_who_mends_whose_mistakes(open_page: OpenPage) -> None:
    a_report("weak", slice(0, 40), 0).save()
    a_report("good", slice(38, 45), 1).save()
    app = open_compare(open_page)
    assert "good is 47.1 points better than weak: more than noise" in words(app)
    pairs = table_with(app, "p (McNemar)")
    assert pairs["pair"] == ["good − weak"]
    assert (pairs["only the first is right"], pairs["only the second is right"], pairs["both wrong"]) == ([38], [5], [2])
    assert table_with(app, "macro F1")["model"] == ["good", "weak"]
    assert "The faces are shown while **faces** is the active dataset" in words(app)


def test_compare_of_three_lets_choose_the_pair_and_corrects_for_their_number(open_page: OpenPage) -> None:
    for hour, (model, wrong) in enumerate((("a", slice(0, 20)), ("b", slice(0, 22)), ("c", slice(0, 21)))):
        a_report(model, wrong, hour).save()
    app = open_compare(open_page)
    assert "None of these models can be told from another on these images" in words(app)
    assert table_with(app, "p (McNemar)")["verdict"] == ["may be chance"] * 3
    app = app.selectbox(key="compare_pair").set_value(1).run()
    assert not app.exception


def test_compare_says_why_other_reports_do_not_fit(open_page: OpenPage) -> None:
    shown = a_report("mine", slice(0, 5), 5)
    shown.save()
    a_report("other split", slice(0, 5), 1, split="test").save()
    a_report("other version", slice(0, 5), 2, fingerprint="2" * 64).save()
    relabelled = (shown.y_true + 1) % 7
    a_report("other labels", slice(0, 5), 3, y_true=relabelled.astype(np.int16)).save()
    app = open_compare(open_page)
    assert "No other report is of the same images as this one of **mine**" in words(app)
    unfit = table_with(app, "differs in")
    assert unfit["differs in"] == [
        "the labels of some images",
        "the data (two versions of faces)",
        "the split (val and test)",
    ]


def test_compare_takes_a_report_with_votes_and_one_without(open_page: OpenPage) -> None:
    a_report("without", slice(0, 40), 0, pixels="a").save()
    a_report("with", slice(38, 45), 1, pixels="a", fingerprint="2" * 64).save()
    assert "with is 47.1 points better than without: more than noise" in words(open_compare(open_page))


def test_compare_evaluates_another_model_on_the_same_images(
    open_page: OpenPage, tiny_bundle: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    models = tmp_path / "models"
    for name in (DEFAULT_MODEL, "mine"):
        shutil.copytree(tiny_bundle, models / name)
    monkeypatch.setenv("FER_MODELS", str(models))
    evaluate(load_bundle(DEFAULT_MODEL), synthetic_dataset(160), split="test").save()
    app = open_compare(open_page)
    app = app.switch_page("pages/explore.py").run()  # where the dataset is read
    app = app.switch_page("pages/evaluate.py").run()
    app.session_state["evaluate_view"] = "Compare"
    app = app.run()
    app = app.button(key="compare_evaluate").click().run()
    assert not app.exception
    assert {summary.model for summary in list_reports()} == {DEFAULT_MODEL, "mine"}
    # The same network under two names.
    assert f"{DEFAULT_MODEL} and mine cannot be told apart on these images" in words(app)


def test_mistakes_words_name_the_label_and_what_was_answered_instead() -> None:
    first, second = a_report("a", slice(0, 2)), a_report("b", slice(1, 4))
    answers = second.y_prob.copy()
    answers[1] = np.roll(answers[1], 1)  # both are wrong there, each in its own way
    second = replace(second, y_prob=answers)
    emoji = [FER7.emoji(name) for name in FER7]
    assert mistakes_words(first, second, np.array([0, 1, 3])) == [
        f"{emoji[0]} not {emoji[1]}",
        f"{emoji[1]} not {emoji[2]} or {emoji[3]}",
        f"{emoji[3]} not {emoji[4]}",
    ]


def test_finding_names_the_surest_difference() -> None:
    reports = [a_report("a", slice(0, 40)), a_report("b", slice(0, 5)), a_report("c", slice(0, 39))]
    assert _finding(compare_reports(reports), ["a", "b", "c"]).startswith("b is 50.0 points better than a")


def test_system_rows_without_figures_say_what_was_reported() -> None:
    rows = {row["system"]: row for row in system_rows([])}
    assert set(rows) == {"cnn4-7class", "cnn4-binary", "cnn5-7class", "resnet50-8class", "vgg16-3class"}
    assert rows["cnn4-binary"]["reported"] == "90.0 % (74 to 97 %; accuracy, n = 30)"
    assert rows["cnn5-7class"]["reported"] == "a curve only"
    assert rows["resnet50-8class"]["checks"] == "reported figure is a metric's artefact"
    assert {row["here"] for row in rows.values()} == {"not trained here yet"}


def test_system_rows_take_the_figures_of_the_benchmark(tmp_path: Path) -> None:
    score = {"n": 30, "accuracy": 0.8, "accuracy_ci95": [0.6, 0.9], "checks": {"enough images": "fail", "label order": "pass"}}
    systems = [
        {"name": name, "recipe": "cnn4-binary", "scores": {"val": {**score, "n": 7}, "test": score}}
        for name in ("cnn4-binary", "cnn4-binary-tenfold")
    ]
    path = tmp_path / "reference_systems.json"
    assert _figures(path) == []
    path.write_text("no JSON")
    assert _figures(path) == []
    path.write_text(json.dumps({"systems": systems}))
    rows = [row for row in system_rows(_figures(path)) if row["system"].startswith("cnn4-binary")]
    assert [row["system"] for row in rows] == ["cnn4-binary", "cnn4-binary-tenfold"]
    assert (rows[0]["here"], rows[0]["images"], rows[0]["checks"]) == ("80.0 % ± 15.0", "30 (test)", "fails: enough images")


def test_model_rows_show_the_newest_report_of_just_this_model(monkeypatch: pytest.MonkeyPatch) -> None:
    bundle = load_bundle(DEFAULT_MODEL)
    (by_card,) = [row for row in model_rows() if row["system"] == DEFAULT_MODEL]
    assert by_card["checks"] == "not evaluated yet"
    made = (Check("label order", "pass", "Well.", "Why."), Check("leaks from train", "warn", "Some.", "Why.", "Do."))
    a_report(DEFAULT_MODEL, slice(0, 7), 1, bundle_sha256=bundle.sha256, checks=made).save()
    a_report(DEFAULT_MODEL, slice(0, 70), 2).save()  # of another model of that name
    (by_report,) = [row for row in model_rows() if row["system"] == DEFAULT_MODEL]
    assert (by_report["here"], by_report["checks"]) == ("90.0 % ± 7.2", "warns: leaks from train")


def test_reference_table_is_drawn_when_it_is_opened(open_page: OpenPage, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reference, "FIGURES", Path("of no file"))
    a_report("mine", slice(0, 5)).save()
    app = open_page("evaluate", state={"evaluate_view": "Compare", "reference": True})
    assert table_with(app, "reported")["system"][-1] in ("compact", "flagship")

"""Evaluate: reports that are made, kept, shown without their dataset, and damaged ones."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from streamlit.testing.v1 import AppTest

from fer.bundles import DEFAULT_MODEL, list_bundles, load_bundle
from fer.data import synthetic_dataset
from fer.evaluation import Report, evaluate, list_reports, load_report, reports_dir
from fer.labels import FER7
from fer.workspace import models_dir
from ui.charts import class_count_bars
from ui.evaluate.confusion import answered_so, images_of
from ui.evaluate.report_view import answer_rows, report_rows
from ui.matrix import _contrast, _rgb
from ui.theme import _DARK, _LIGHT, Palette
from ui.words import percent, plus_minus

OpenPage = Callable[..., AppTest]


def metrics(app: AppTest) -> dict[str, str]:
    return {metric.label: metric.value for metric in app.metric}


def matrix_cells(app: AppTest) -> list[dict[str, Any]]:
    """The cells of the confusion matrix: the first chart of its kind."""
    data = app.get("vega_lite_chart")[0].proto.data.data  # as an Arrow stream
    cells: list[dict[str, Any]] = pa.ipc.open_stream(data).read_all().to_pylist()
    return cells


def make_report(*, model: str = "mine", created: str = "2026-11-20T10:00:00+00:00", right: int = 8) -> Report:
    """Ten images of two classes; `right` of them are answered rightly, the others happy is taken for sad."""
    y_true = np.array([FER7.label_id("happy")] * 6 + [FER7.label_id("sad")] * 4, np.int16)
    y_prob = np.full((10, 7), 0.05, np.float32)
    answers = np.where(np.arange(10) < 10 - right, FER7.label_id("sad"), y_true)
    y_prob[np.arange(10), answers] = 0.7
    return Report(
        label_set=FER7, y_true=y_true, y_prob=y_prob, names=np.array([f"val/{i}.png" for i in range(10)]), model=model,
        bundle_sha256="0" * 64, head="labels", dataset="faces", source="/gone/faces.zip", fingerprint="1" * 64, split="val",
        created=created, notes=("A note.",),
    )  # fmt: skip


def test_first_visit_evaluates_the_active_model_on_the_active_dataset(open_page: OpenPage) -> None:
    app = open_page("evaluate")
    (summary,) = list_reports()
    assert (summary.model, summary.dataset, summary.split) == (list_bundles()[0], "synthetic", "test")
    report = load_report(summary.path)
    assert metrics(app)["Accuracy"] == percent(report.accuracy)
    assert app.metric[0].delta == f"{plus_minus(report.accuracy_ci95)}, n = {report.n}"
    assert len(app.get("vega_lite_chart")) == 1


def test_a_report_is_shown_without_its_dataset(open_page: OpenPage) -> None:
    make_report().save()
    app = open_page("evaluate", dataset="/gone/faces.zip")
    assert not app.error
    assert metrics(app)["Accuracy"] == "80.0 %"
    assert app.metric[0].delta == "± 22.7, n = 10"
    headings = [heading.value for heading in app.subheader]
    assert "Happy is answered sad in 33 % of its images" in headings
    app = open_page("evaluate", dataset="/gone/faces.zip", state={"evaluate_view": "Classes"})
    assert "Sad is found most often, happy least" in [heading.value for heading in app.subheader]
    assert "😄 happy taken for 😢 sad: 2 (33 % of the class)" in "\n".join(text.value for text in app.markdown)


def test_confusion_matrix_switches_between_shares_and_counts(open_page: OpenPage) -> None:
    make_report().save()
    app = open_page("evaluate")
    texts = {}
    for kind in ("rows", "counts"):
        app = app.segmented_control(key="confusion_kind").set_value(kind).run()
        texts[kind] = json.dumps([cell["words"] for cell in matrix_cells(app)])
    assert ['"67"' in texts["rows"], '"4"' in texts["counts"], '"4"' in texts["rows"]] == [True, True, False]


def test_faces_of_the_chosen_cell_are_shown_while_their_dataset_is_active(open_page: OpenPage) -> None:
    report = evaluate(load_bundle(list_bundles()[0]), synthetic_dataset(600))
    report.save()
    app = open_page("evaluate", dataset="synthetic:600")
    first = report.most_confused[0]
    assert f"{first['true']}, taken for" in "\n".join(text.value for text in app.markdown)
    assert any(f"{first['count']} image" in caption.value for caption in app.caption)
    app = open_page("evaluate", dataset="synthetic:40")
    assert "The faces are shown while **synthetic** is the active dataset" in "\n".join(text.value for text in app.info)


def test_answered_so_gives_the_surest_first() -> None:
    report = make_report()
    rows = answered_so(report, "happy", "happy")
    assert set(rows.tolist()) == set(np.flatnonzero((report.y_true == report.y_pred) & (report.y_true == FER7.label_id("happy"))))
    confidence = report.y_prob[rows].max(axis=1)
    assert (np.diff(confidence) <= 0).all()


def test_images_of_finds_them_by_name_also_in_a_cleaned_dataset(tmp_path: Path) -> None:
    dataset = replace(synthetic_dataset(30), source=str(tmp_path))
    report = evaluate(load_bundle(list_bundles()[0]), dataset, split="train")
    places = images_of(report, dataset)
    assert places is not None
    assert (dataset.splits[places] == "train").all()
    assert dataset.names[places].tolist() == report.names.tolist()
    relabelled = dataset.with_splits(np.full(30, "val"))
    assert images_of(report, relabelled) is not None
    assert images_of(report, relabelled.select(np.arange(5))) is None  # some of its images are gone
    assert images_of(report, synthetic_dataset(30, seed=3)) is None


def test_evaluating_again_shows_the_new_report(open_page: OpenPage) -> None:
    make_report(model=list_bundles()[0]).save()
    app = open_page("evaluate")
    assert metrics(app)["Accuracy"] == "80.0 %"
    app = app.button(key="evaluate_start").click().run()
    assert len(list_reports()) == 2
    assert app.selectbox(key="report_shown").value == str(list_reports()[0].path)
    app = app.selectbox(key="report_shown").set_value(str(list_reports()[1].path)).run()
    assert metrics(app)["Accuracy"] == "80.0 %"


def test_a_model_without_a_report_is_offered_to_be_evaluated(open_page: OpenPage) -> None:
    make_report(model="another").save()
    app = open_page("evaluate")
    assert metrics(app)["Accuracy"] == "80.0 %"
    app = app.button(key="evaluate_offer").click().run()
    assert [summary.model for summary in list_reports()] == [list_bundles()[0], "another"]
    assert "evaluate_offer" not in [button.key for button in app.button]


def test_the_report_that_came_with_a_model_is_listed(
    open_page: OpenPage, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    name = list_bundles()[0]
    shutil.copytree(models_dir() / name, tmp_path / "models" / name)
    shutil.rmtree(tmp_path / "models" / name / "report", ignore_errors=True)
    make_report(model=name).save(tmp_path / "models" / name / "report")
    monkeypatch.setenv("FER_MODELS", str(tmp_path / "models"))
    app = open_page("evaluate")
    assert app.selectbox(key="report_shown").options == [f"{name}, the report that came with it"]
    assert not list_reports()


def test_a_damaged_report_is_said_in_words_and_the_others_stay(open_page: OpenPage) -> None:
    make_report().save()
    damaged = make_report(created="2026-11-20T11:00:00+00:00").save()
    (damaged / "report.json").write_text("{", encoding="utf-8")
    app = open_page("evaluate")
    assert metrics(app)["Accuracy"] == "80.0 %"
    app = app.selectbox(key="report_shown").set_value(str(damaged)).run()
    assert "damaged" in app.error[0].value
    assert not app.metric


def test_evaluate_without_any_model_says_so_and_still_shows_reports(
    open_page: OpenPage, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("FER_MODELS", str(tmp_path))
    make_report().save()
    app = open_page("evaluate")
    assert metrics(app)["Accuracy"] == "80.0 %"
    assert "no trained model" in app.error[0].value
    assert "evaluate_start" not in [button.key for button in app.button]


def test_a_model_with_a_changed_byte_is_refused_in_words(
    open_page: OpenPage, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    name = list_bundles()[0]
    shutil.copytree(models_dir() / name, tmp_path / name)
    with (tmp_path / name / "model.litert").open("r+b") as file:
        file.seek(1000)
        file.write(b"\x00\x01\x02\x03")
    monkeypatch.setenv("FER_MODELS", str(tmp_path))
    app = open_page("evaluate")
    assert "was changed" in app.error[0].value
    assert not reports_dir().exists()


def test_downloads_hold_every_figure_and_every_answer(open_page: OpenPage) -> None:
    make_report().save()
    app = open_page("evaluate", state={"evaluate_view": "Report"})
    assert [button.label for button in app.download_button] == [
        "Report (HTML)", "Report (Markdown)", "All figures (JSON)", "Report table (CSV)", "Answers, a row an image (CSV)",
    ]  # fmt: skip


def test_report_rows_end_with_both_means() -> None:
    rows = report_rows(make_report())
    assert [row["class"] for row in rows[-2:]] == ["macro mean", "weighted mean"]
    assert rows[FER7.label_id("happy")]["recall"] == pytest.approx(4 / 6)


def test_answer_rows_name_what_was_answered() -> None:
    first = answer_rows(make_report())[0]
    assert (first["image"], first["true"], first["answered"]) == ("val/0.png", "happy", "sad")
    assert first["sad"] == pytest.approx(0.7)


@pytest.mark.parametrize("palette", [_LIGHT, _DARK], ids=["light", "dark"])
def test_words_in_the_colour_of_a_split_can_be_read(palette: Palette) -> None:
    assert all(_contrast(_rgb(colour), _rgb(palette.ground)) >= 4.5 for colour in palette.splits.values())


def test_class_count_bars_put_the_largest_class_on_top() -> None:
    dataset = synthetic_dataset(20)  # 20 = 2 · 8 + 4: the first four classes have one more
    figure = class_count_bars(dataset.counts(), dataset.label_set)
    assert figure.data[0].y[-1].startswith("angry")
    assert [bar.name for bar in figure.data] == ["Test", "Validation", "Train"]


def test_report_view_shows_every_figure_with_its_interval(open_page: OpenPage) -> None:
    evaluate(load_bundle(DEFAULT_MODEL), synthetic_dataset(120), split="all").save()
    app = open_page("evaluate", state={"evaluate_view": "Report"})
    (table,) = [table.value for table in app.dataframe if "95 % interval" in table.value.columns]
    figures = dict(zip(table["figure"], table["95 % interval"], strict=True))
    assert all(" to " in figures[name] for name in ("Accuracy", "Balanced accuracy", "Macro F1", "Cohen's kappa", "MCC"))
    assert " to " in figures["Top-2 accuracy"]

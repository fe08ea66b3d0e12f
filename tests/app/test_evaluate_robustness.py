"""Evaluate's views Robustness and Slices, the measurements behind them, and the report as a file."""

from __future__ import annotations

import shutil
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from streamlit.testing.v1 import AppTest

from fer.bundles import DEFAULT_MODEL, load_bundle
from fer.data import synthetic_dataset
from fer.evaluation import Column, Report, evaluate, slice_report
from fer.evaluation.corruptions import CORRUPTIONS
from fer.evaluation.robustness import Answered, SeverityCurve
from ui.evaluate.charts import Whisker, severity_curve, whiskers
from ui.evaluate.slices import slice_rows

OpenPage = Callable[..., AppTest]
LIMIT_S = 120


@pytest.fixture
def report(tiny_bundle: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Report:
    """What a small model answered on the test part of the active dataset; it is kept."""
    shutil.copytree(tiny_bundle, tmp_path / "models" / DEFAULT_MODEL)
    monkeypatch.setenv("FER_MODELS", str(tmp_path / "models"))
    made = evaluate(load_bundle(DEFAULT_MODEL), synthetic_dataset(160), split="test")
    made.save()
    return made


def words(app: AppTest) -> str:
    return "\n".join(element.value for element in [*app.markdown, *app.caption, *app.error, *app.info, *app.subheader])


def open_view(open_page: OpenPage, view: str, **options: object) -> AppTest:
    return open_page("evaluate", state={"evaluate_view": view}, **options)


def wait_for(app: AppTest, done: Callable[[AppTest], bool]) -> AppTest:
    limit = time.monotonic() + LIMIT_S
    while not done(app):
        assert time.monotonic() < limit, words(app)
        time.sleep(0.2)
        app = app.run()
        assert not app.exception
    return app


def html(app: AppTest) -> list[str]:
    return [element.proto.body for element in app.get("html")]


def test_robustness_answers_a_face_before_and_after(open_page: OpenPage, report: Report) -> None:
    app = open_view(open_page, "Robustness")
    before, after = html(app)
    assert before != after
    app = app.slider(key="robustness_blur").set_value(0.0).run()
    assert len(set(html(app))) == 1, "nothing is done at severity 0"
    title = next(text.value for text in app.markdown if text.value.startswith("**As it is"))
    app = app.button(key="robustness_next").click().run()
    assert next(text.value for text in app.markdown if text.value.startswith("**As it is")) != title
    assert not app.exception


def test_views_without_the_pictures_do_what_they_can(open_page: OpenPage, report: Report) -> None:
    app = open_view(open_page, "Robustness", dataset="synthetic:40")
    assert len(html(app)) == 2, "a drawn face serves without them"
    assert "Curves, and faces that were evaluated, are shown while **synthetic** is the active dataset" in words(app)
    app = open_view(open_page, "Slices", dataset="synthetic:40")
    assert "while **synthetic** is the active dataset" in words(app)
    table = "file,side\n" + "".join(f"{name},{'left' if i % 2 else 'right'}\n" for i, name in enumerate(report.names))
    app = app.file_uploader(key="slices_table").upload("groups.csv", table.encode(), "text/csv").run()
    assert "**Side**" in words(app), "a table needs only names"


def test_robustness_draws_a_curve_a_corruption_when_asked(open_page: OpenPage, report: Report) -> None:
    app = open_view(open_page, "Robustness")
    assert not app.get("plotly_chart"), "the card of this model tells nothing of robustness"
    app = app.button(key="severities_start").click().run()
    app = wait_for(app, lambda app: len(app.get("plotly_chart")) == len(CORRUPTIONS))
    assert f"{report.n} images, drawn at random" in words(app)
    again = open_view(open_page, "Robustness")
    assert len(again.get("plotly_chart")) == len(CORRUPTIONS), "it is kept for other sessions"


def test_robustness_of_a_model_that_is_gone_says_so(open_page: OpenPage, report: Report) -> None:
    replace(report, model="gone", created="2100-01-01T00:00:00+00:00").save()
    app = open_page("evaluate", state={"evaluate_view": "Robustness", "report_model": DEFAULT_MODEL})
    app = app.selectbox(key="report_shown").select_index(0).run()
    assert "is not among the models any more" in words(app)


def test_slices_cut_by_light_and_by_a_table(open_page: OpenPage, report: Report) -> None:
    app = open_view(open_page, "Slices")
    charts = {chart.key for chart in app.get("plotly_chart")}
    assert {"slices_brightness", "slices_sharpness"} <= charts
    table = "file,side\n" + "".join(f"{name},{'left' if i % 2 else 'right'}\n" for i, name in enumerate(report.names))
    app = app.number_input(key="slices_fewest").set_value(5).run()
    app = app.file_uploader(key="slices_table").upload("groups.csv", table.encode(), "text/csv").run()
    assert not app.exception
    assert "slices_side" in {chart.key for chart in app.get("plotly_chart")}
    assert "**Side**" in words(app)
    app = app.number_input(key="slices_fewest").set_value(report.n).run()
    assert "in slices of too few" in words(app)
    assert "there is nothing to compare" in words(app)


def test_slices_keep_a_table_while_something_else_is_looked_at(open_page: OpenPage, report: Report) -> None:
    app = open_view(open_page, "Slices")
    table = "file,side\n" + "".join(f"{name},{'left' if i % 2 else 'right'}\n" for i, name in enumerate(report.names))
    app = app.number_input(key="slices_fewest").set_value(5).run()
    app = app.file_uploader(key="slices_table").upload("groups.csv", table.encode(), "text/csv").run()
    app = app.switch_page("pages/home.py").run()
    app.session_state["evaluate_view"] = "Slices"
    app = app.switch_page("pages/evaluate.py").run()
    assert "**groups.csv**, from before" in words(app)
    assert "slices_side" in {chart.key for chart in app.get("plotly_chart")}
    assert app.number_input(key="slices_fewest").value == 5
    app = app.button(key="slices_forget").click().run()
    assert "slices_side" not in {chart.key for chart in app.get("plotly_chart")}


def test_slices_refuse_a_table_of_other_images_in_words(open_page: OpenPage, report: Report) -> None:
    app = open_view(open_page, "Slices")
    app = app.file_uploader(key="slices_table").upload("groups.csv", b"file,age\nelsewhere.png,3\n", "text/csv").run()
    assert not app.exception
    assert "No row of groups.csv belongs to an image of the report" in app.error[0].value.replace("\\", "")


@pytest.mark.fer2013
def test_slices_measure_the_tilt_when_asked(
    open_page: OpenPage, report: Report, shared_data: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FER_YUNET", str(shared_data / "yunet_n_640_640.onnx"))
    app = open_view(open_page, "Slices")
    app = app.button(key="slices_roll_start").click().run()
    app = wait_for(app, lambda app: "slices_roll" in {chart.key for chart in app.get("plotly_chart")})
    assert "**Roll**" in words(app)


def test_report_view_makes_files_and_names_the_command(open_page: OpenPage, report: Report) -> None:
    app = open_view(open_page, "Report")
    for key in ("report_html", "report_markdown"):
        app = app.download_button(key=key).click().run()
        assert not app.exception
    assert any(f"python -m fer report {report.id}" in code.value for code in app.code)


def test_whiskers_keep_the_order_and_pale_what_is_too_few() -> None:
    figure = whiskers(
        [Whisker("a", 0.5, (0.4, 0.6), 90), Whisker("b", 0.7, (0.2, 0.9), 4, pale=True)], reference=0.6, told="all: 60 %"
    )
    assert figure.data[0].y == ("b", "a"), "Plotly draws the last on top"
    assert figure.data[0].marker.symbol == ("circle-open", "circle")
    assert figure.layout.xaxis.range[0] < 0.2


def test_severity_curve_begins_with_the_clean_images() -> None:
    clean, bad = (Answered(100, accuracy, (accuracy - 0.1, accuracy + 0.1), None) for accuracy in (0.7, 0.5))
    figure = severity_curve(clean, SeverityCurve(CORRUPTIONS[0], (1.5, 6.0), (bad, bad)), (0.4, 0.8))
    assert (figure.data[2].x, figure.data[2].y) == ((0.0, 1.5, 6.0), (0.7, 0.5, 0.5))


def test_slice_rows_hold_every_slice(report: Report) -> None:
    values = np.where(np.arange(report.n) % 2, "a", "b")
    values[0] = "c"
    rows = slice_rows(slice_report(report, [Column("group", values)], fewest=2))
    assert [row["slice"] for row in rows] == ["a", "b", "too few"]
    assert sum(int(str(row["images"])) for row in rows) == report.n

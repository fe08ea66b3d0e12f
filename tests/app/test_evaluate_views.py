"""Evaluate's views: classes, checks, confidence and votes, of reports new and old, and what is kept in a model."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from streamlit.testing.v1 import AppTest

from fer.bundles import DEFAULT_MODEL, load_bundle
from fer.data import synthetic_dataset
from fer.evaluation import Report, evaluate, list_reports, load_report
from fer.evaluation.agreement import RESULT_FILE, AgreementJob, find_agreement
from fer.evaluation.calibration import reliability_bins
from fer.evaluation.checks import Check
from fer.evaluation.taggers import HumanLine
from fer.files import write_json
from fer.labels import FER7
from ui.evaluate.charts import agreement_bars, class_curves_chart, coverage_curve, reliability_diagram
from ui.evaluate.checks import summary
from ui.evaluate.confidence import _finding as confidence_finding
from ui.evaluate.votes import _finding as votes_finding

OpenPage = Callable[..., AppTest]


@pytest.fixture
def models(tiny_bundle: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / "models"
    shutil.copytree(tiny_bundle, folder / DEFAULT_MODEL)
    monkeypatch.setenv("FER_MODELS", str(folder))
    return folder


def a_report(accuracy: float = 0.8, confidence: float = 0.8, n: int = 200, **changes: object) -> Report:
    """Images of seven classes in turn, answered so often rightly, all with the same confidence."""
    y_true = (np.arange(n) % 7).astype(np.int16)
    wrong = np.arange(n) >= round(accuracy * n)
    y_prob = np.full((n, 7), (1 - confidence) / 6, np.float32)
    y_prob[np.arange(n), np.where(wrong, (y_true + 1) % 7, y_true)] = confidence
    report = Report(
        label_set=FER7, y_true=y_true, y_prob=y_prob, names=np.array([f"val/{i}.png" for i in range(n)]), model="mine",
        bundle_sha256="0" * 64, head="labels", dataset="faces", source="/gone/faces.zip", fingerprint="1" * 64, split="val",
        created="2026-11-20T10:00:00+00:00",
    )  # fmt: skip
    return replace(report, **changes) if changes else report  # type: ignore[arg-type]


def words(app: AppTest) -> str:
    return "\n".join(element.value for element in [*app.markdown, *app.caption, *app.error, *app.info, *app.subheader])


def open_view(open_page: OpenPage, view: str) -> AppTest:
    return open_page("evaluate", state={"evaluate_view": view})


def test_views_of_a_report_from_before_say_what_it_lacks(open_page: OpenPage) -> None:
    a_report().save()
    assert "This report was made before there were checks. Evaluate again" in words(open_view(open_page, "Checks"))
    assert "This dataset has no votes" in words(open_view(open_page, "Votes"))


def test_checks_stand_worst_first_with_what_to_do(open_page: OpenPage) -> None:
    made = (
        Check("label order", "pass", "All well.", "Looks for order."),
        Check("leaks from train", "fail", "All 200 images stand in train.", "Looks for twins.", "Split anew."),
        Check("enough images", "warn", "200 are few.", "Looks for numbers.", "Take more."),
        Check("LiteRT against Keras", "skipped", "The card says nothing.", "Looks for gaps."),
    )
    a_report(checks=made).save()
    app = open_view(open_page, "Checks")
    text = words(app)
    assert "1 of 3 checks fails, 1 warns" in text
    order = [text.index(words) for words in ("**Leaks from train**", "**Enough images**", "**Label order**", "**LiteRT against")]
    assert order == sorted(order)
    assert "Split anew." in text


def test_a_check_that_goes_on_is_filled_in_once_it_has_ended(
    open_page: OpenPage, models: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patch:
        patch.setattr(AgreementJob, "is_going", True)
        report = evaluate(load_bundle(DEFAULT_MODEL), synthetic_dataset(100), split="all", against_keras=True)
        folder = report.save()
        app = open_view(open_page, "Checks")
        assert "Both networks are being asked" in words(app)
        assert [badge for badge in app.markdown if "being checked" in badge.value]
    job = find_agreement(load_bundle(DEFAULT_MODEL), report.fingerprint, "all")
    write_json(job.path / RESULT_FILE, {"faces": 64, "largest_difference": 1e-6})
    job.write_state("finished")
    app = app.run()
    assert "On 64 of these images, probabilities of the two differ by 1e-06 at most" in words(app)
    assert not load_report(folder).is_pending


@pytest.mark.parametrize(
    ("statuses", "expected"),
    [
        (["pass", "pass"], "All 2 checks pass"),
        (["pass", "skipped"], "All 1 check that could be made pass"),
        (["fail", "fail", "pass"], "2 of 3 checks fail"),
        (["warn", "pass"], "1 of 2 checks warns"),
        (["fail", "warn", "warn"], "1 of 3 checks fails, 2 warn"),
    ],
)
def test_summary_counts_checks(statuses: list[str], expected: str) -> None:
    assert summary([Check("a", status, "b", "c") for status in statuses]) == expected


@pytest.mark.parametrize(
    ("accuracy", "confidence", "word"), [(0.8, 0.82, "As sure as it should be"), (0.5, 0.9, "Too sure"), (0.9, 0.5, "Too modest")]
)
def test_confidence_finding_knows_what_chance_explains(accuracy: float, confidence: float, word: str) -> None:
    assert confidence_finding(a_report(accuracy, confidence)).startswith(word)


def half_surely_right(report: Report) -> Report:
    """As good as it may be: every second answer surely right."""
    y_prob = np.full_like(report.y_prob, 0.02)
    y_prob[np.arange(report.n), report.y_true] = np.where(np.arange(report.n) % 2, 0.9, 0.3)
    return replace(report, y_prob=y_prob / y_prob.sum(axis=1, keepdims=True))


def test_a_threshold_is_kept_in_the_model_and_used(open_page: OpenPage, models: Path) -> None:
    bundle = load_bundle(DEFAULT_MODEL)
    dataset = synthetic_dataset(400)
    report = evaluate(bundle, dataset, split="all")
    half_surely_right(report).save()
    app = open_view(open_page, "Confidence")
    assert "Answering only when sure" in words(app)
    app = app.button(key="calibration_keep").click().run()
    assert not app.exception
    kept = load_bundle(DEFAULT_MODEL).head(report.head).abstain_threshold
    assert kept is not None
    assert not app.error
    assert f"Kept: the model says *unsure* below {100 * kept:.1f} % now" in app.success[0].value
    # The model is another one now, so what the report says of its confidence holds no more.
    again = open_view(open_page, "Confidence")
    assert "Evaluate again" in words(again)


def test_a_threshold_is_chosen_for_the_head_of_the_votes(open_page: OpenPage, models: Path) -> None:
    app = open_page("evaluate", dataset="synthetic:400")
    app = app.segmented_control(key="evaluate_by_votes").set_value(True).run()
    app = app.button(key="evaluate_start").click().run()
    report = load_report(list_reports()[0].path)
    assert (report.dataset, report.head, len(report.labels)) == ("synthetic, FER+ labels", "votes", 8)
    shutil.rmtree(list_reports()[0].path)
    half_surely_right(report).save()
    app = open_page("evaluate", dataset="synthetic:400", state={"evaluate_view": "Confidence"})
    app = app.button(key="calibration_keep").click().run()
    assert not app.exception
    bundle = load_bundle(DEFAULT_MODEL)
    assert bundle.head("votes").abstain_threshold is not None
    assert bundle.head("labels").abstain_threshold is None


def test_a_wish_that_no_threshold_reaches_is_said_in_words(open_page: OpenPage, models: Path) -> None:
    evaluate(load_bundle(DEFAULT_MODEL), synthetic_dataset(100), split="all").save()
    app = open_view(open_page, "Confidence")
    app = app.slider(key="wished_accuracy").set_value(99).run()
    assert "No threshold reaches 99.0 %" in words(app)


def test_confidence_of_another_model_says_which_to_choose(open_page: OpenPage) -> None:
    a_report().save()
    assert "choose **mine** in the sidebar" in words(open_view(open_page, "Confidence"))


def test_classes_view_has_both_kinds_of_curves(open_page: OpenPage) -> None:
    a_report().save()
    app = open_view(open_page, "Classes")
    assert [chart.key for chart in app.get("plotly_chart")] == ["recall", "class_curves_chart"]
    app = app.segmented_control(key="class_curves").set_value("roc").run()
    assert not app.exception
    assert {"AUC", "average precision"} <= set(app.dataframe[0].value.columns)


def test_class_curves_chart_leaves_out_classes_without_images() -> None:
    report = a_report(n=3)
    figure = class_curves_chart(report.curves, FER7, kind="precision_recall")
    assert [trace.name.split()[0] for trace in figure.data] == ["angry", "disgust", "fear"]


def test_charts_of_confidence_have_a_point_a_bin_and_the_threshold() -> None:
    report = a_report()
    assert len(reliability_diagram(reliability_bins(report.y_true, report.y_prob)).data[1].x) == 1
    figure = coverage_curve(report.risk_coverage, threshold=0.7, point=(0.4, 0.95))
    assert figure.data[1].text == ("unsure below 70 %",)


@pytest.mark.parametrize(
    ("interval", "expected"),
    [((0.05, 0.15), "10.0 points closer"), ((-0.15, -0.05), "10.0 points further"), ((-0.05, 0.25), "As close to")],
)
def test_votes_finding_says_more_only_where_it_is_more_than_chance(interval: tuple[float, float], expected: str) -> None:
    difference = 0.1 if interval[1] > 0 else -0.1
    human = HumanLine(100, 0.7, (0.6, 0.8), 0.8, (0.7, 0.9), difference, interval)
    assert votes_finding(human).startswith(expected)
    assert agreement_bars((), human).layout.shapes[0].y0 == 0.7

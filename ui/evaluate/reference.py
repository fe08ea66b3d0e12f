"""Evaluate: what the five reference systems reported, what their recipes reach here, and what our models do."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import streamlit as st

from fer.bundles import Bundle, list_bundles
from fer.errors import BundleError
from fer.evaluation import Report, ReportSummary, list_reports, load_report, wilson_interval
from fer.recipes import Recipe, list_recipes
from fer.workspace import REPOSITORY
from ui.state import read_bundle
from ui.words import count, errors_in_words, percent, plus_minus

# Written by `python -m benchmarks.reference_systems … --json FILE`.
FIGURES = REPOSITORY / "benchmarks" / "results" / "reference_systems.json"
_NONE = "–"


def reference_table() -> None:
    """The table, closed until somebody asks for it."""
    with st.expander(
        "Beside the five reference systems", icon=":material/history_edu:", key="reference", on_change="rerun"
    ) as place:
        if not place.open:
            return
        with errors_in_words():
            st.dataframe([*system_rows(_figures(FIGURES)), *model_rows()], hide_index=True)
            st.caption(
                "Reported is what each system said of itself, with the 95 % interval that its number of images allows. Here is "
                "what its recipe reaches when it is trained in this app, by the images named; our models, by their newest report "
                "on photographs."
            )


def _figures(path: Path) -> list[Mapping[str, Any]]:
    """The systems that the benchmark has measured; none where it has not been run."""
    try:
        systems: list[Mapping[str, Any]] = json.loads(path.read_text(encoding="utf-8"))["systems"]
    except (OSError, ValueError, KeyError, TypeError):
        return []
    return systems


def system_rows(measured: Sequence[Mapping[str, Any]]) -> list[dict[str, str]]:
    """A row a reference system, and one more for each other amount of images that it was given."""
    rows = []
    for recipe in list_recipes():
        if not recipe.origin:
            continue
        own = [system for system in measured if system["recipe"] == recipe.name]
        rows += [_system_row(recipe, system) for system in own] or [_system_row(recipe, None)]
    return rows


def _system_row(recipe: Recipe, system: Mapping[str, Any] | None) -> dict[str, str]:
    name = system["name"] if system else recipe.name
    # The original reported what it did with its own amount of images.
    row = {"system": name, "reported": _reported(recipe) if name == recipe.name else _NONE}
    if system is None:
        return row | {"here": "not trained here yet", "images": _NONE, "checks": _claim(recipe)}
    scores = system["scores"]
    split = "test" if "test" in scores else "val"
    score = scores[split]
    return row | {
        "here": f"{percent(score['accuracy'])} {plus_minus(score['accuracy_ci95'])}",
        "images": f"{count(score['n'])} ({split})",
        "checks": _statuses(score["checks"]) if "checks" in score else _claim(recipe),
    }


def _reported(recipe: Recipe) -> str:
    """`90.0 % (74 to 97 %; accuracy, n = 30)`; the interval where the number of images is known."""
    for metric, share in recipe.reported.items():
        if metric.endswith("accuracy"):
            n = recipe.reported_images
            if not n:
                return f"{percent(share)} ({metric})"
            low, high = wilson_interval(round(share * n), n)
            return f"{percent(share)} ({100 * low:.0f} to {percent(high, 0)}; {metric}, n = {count(n)})"
    return "a curve only"


def _claim(recipe: Recipe) -> str:
    """What the checks can say of the reported figure alone."""
    return "reported figure is a metric's artefact" if "binary accuracy" in recipe.reported else _NONE


def model_rows() -> list[dict[str, str]]:
    """A row a model of ours, or one that was taken in: by its newest report on photographs, else by its card."""
    reports = list_reports()
    rows = []
    for name in list_bundles():
        try:
            bundle = read_bundle(name)
        except BundleError:
            continue
        report = _newest(bundle, reports)
        rows.append({"system": name, "reported": _NONE} | (_card_row(bundle) if report is None else _report_row(report)))
    return rows


def _newest(bundle: Bundle, reports: Sequence[ReportSummary]) -> Report | None:
    """The newest report of just this model, checks included; drawn faces are no match for the photographs of the others."""
    for item in reports:
        if item.model == bundle.name and not item.problem:
            report = load_report(item.path)
            if report.bundle_sha256 == bundle.sha256 and not report.source.startswith("synthetic"):
                return report
    return None


def _report_row(report: Report) -> dict[str, str]:
    return {
        "here": f"{percent(report.accuracy)} {plus_minus(report.accuracy_ci95)}",
        "images": f"{count(report.n)} ({report.dataset}, {report.split})",
        "checks": _statuses({check.name: check.status for check in report.checks}),
    }


def _card_row(bundle: Bundle) -> dict[str, str]:
    figures = bundle.card["heads"][0].get("validation")
    if figures is None:
        return {"here": "not evaluated yet", "images": _NONE, "checks": _NONE}
    return {
        "here": f"{percent(figures['accuracy'])} {plus_minus(figures['accuracy_ci95'])}",
        "images": f"{count(figures['n'])} (validation, by its card)",
        "checks": "not evaluated yet",
    }


def _statuses(statuses: Mapping[str, str]) -> str:
    """`8 pass`, or which do not: `fails: leaks from train`."""
    if not statuses:
        return "none made"
    wrong = []
    for status, word in (("fail", "fails"), ("warn", "warns")):
        names = [name for name, found in statuses.items() if found == status]
        wrong += [f"{word}: {', '.join(names)}"] if names else []
    return "; ".join(wrong) or f"all {sum(found == 'pass' for found in statuses.values())} pass"

"""A report as plain text, for the terminal."""

from __future__ import annotations

from collections.abc import Sequence
from textwrap import fill

from fer.evaluation.checks import Check
from fer.evaluation.report import Report
from fer.evaluation.taggers import TAGGERS, TaggerFigures
from fer.words import percent

_LINE = 110


def classification_text(report: Report) -> str:
    """Headline figures, the table of classes, the most frequent mistakes, the reality checks and the notes."""
    low, high = report.accuracy_ci95
    lines = [
        f"{report.model} on {report.dataset} ({report.split}): {report.n:,} images, head {report.head}",
        f"accuracy {percent(report.accuracy, 2)} (95 % interval {percent(low, 2)} to {percent(high, 2)}); "
        f"balanced {percent(report.balanced_accuracy, 2)}; "
        f"always {report.majority_label}: {percent(report.majority_accuracy, 2)}",
        f"Cohen's kappa {report.kappa:.3f}{_interval(report, 'kappa')}, MCC {report.mcc:.3f}{_interval(report, 'mcc')}"
        + (f"; top-2 {percent(report.top2_accuracy, 2)}" if len(report.labels) > 2 else ""),
        f"negative log-likelihood {report.nll:.3f}, Brier {report.brier:.3f}, calibration error {report.ece:.3f}",
    ]
    if report.leaks and report.accuracy_leak_free is not None:
        free = percent(report.accuracy_leak_free, 2)
        lines.append(f"{report.leaks:,} images have an identical twin in train; without them {free}")
    if report.ferplus:
        low, high = report.ferplus.accuracy_ci95
        lines += [
            f"FER+ strict {percent(report.ferplus.accuracy, 2)} (interval {percent(low, 2)} to {percent(high, 2)}; "
            f"n = {report.ferplus.n:,})",
            f"  negative log-likelihood {report.ferplus.nll:.3f}, calibration error {report.ferplus.ece:.3f}, "
            f"divergence from the votes {report.ferplus.kl:.3f}",
        ]
    lines += _taggers(report.taggers) if report.taggers else []
    width = max(len("weighted"), *map(len, report.labels))
    lines += ["", f"{'':{width}}  precision  recall      F1  images"]
    rows = [(row["label"], row["precision"], row["recall"], row["f1"], row["support"]) for row in report.per_class]
    rows.append(("macro", report.macro_precision, report.macro_recall, report.macro_f1, report.n))
    rows.append(("weighted", report.weighted_precision, report.weighted_recall, report.weighted_f1, report.n))
    lines += [f"{label:{width}}  {precision:9.3f}  {recall:6.3f}  {f1:6.3f}  {n:6,}" for label, precision, recall, f1, n in rows]
    if report.most_confused:
        lines += ["", "most frequent mistakes"]
        pairs = report.most_confused[:5]
        lines += [f"  {p['true']} taken for {p['predicted']}: {p['count']} ({percent(p['share'])})" for p in pairs]
    lines += _checks(report.checks)
    old = [f"Not in this old report: {'; '.join(report.lacks)}. Evaluate again."] if report.lacks else []
    return "\n".join([*lines, *(["", *report.notes, *old] if report.notes or old else [])])


def _interval(report: Report, figure: str) -> str:
    """The bootstrap interval of a figure, to stand behind it; nothing where there is none."""
    ends = report.bootstrap_ci95[figure]
    return "" if ends is None else f" ({ends[0]:.3f} to {ends[1]:.3f})"


def _checks(checks: Sequence[Check]) -> list[str]:
    """A line or two a check."""
    width = max((len(check.name) for check in checks), default=0)
    lines = [
        fill(
            f"  {check.status:7}  {check.name:{width}}  {check.finding}",
            _LINE,
            subsequent_indent=" " * (width + 13),
            break_on_hyphens=False,
        )
        for check in checks
    ]
    return ["", "reality checks", *lines] if lines else []


def _taggers(figures: TaggerFigures) -> list[str]:
    """The model beside FER+'s taggers."""
    by_agreement = ", ".join(f"{row.words} {percent(row.accuracy)}" for row in figures.agreement)
    lines = [f"  where so many of {TAGGERS} taggers agree: {by_agreement}"]
    if human := figures.human:
        low, high = human.difference_ci95
        lines.append(
            f"  against the other taggers' majority: a single tagger {percent(human.tagger)}, the model {percent(human.model)} "
            f"({100 * human.difference:+.1f} points, {100 * low:+.1f} to {100 * high:+.1f})"
        )
    return lines

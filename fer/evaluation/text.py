"""A report as plain text, for the terminal."""

from __future__ import annotations

from fer.evaluation.report import Report


def classification_text(report: Report) -> str:
    """Headline figures, the table of classes, the most frequent mistakes and the notes."""
    low, high = report.accuracy_ci95
    lines = [
        f"{report.model} on {report.dataset} ({report.split}): {report.n:,} images, head {report.head}",
        f"accuracy {report.accuracy:.2%} (95 % interval {low:.2%} to {high:.2%}); balanced {report.balanced_accuracy:.2%}; "
        f"always {report.majority_label}: {report.majority_accuracy:.2%}",
        f"negative log-likelihood {report.nll:.3f}, Brier {report.brier:.3f}, calibration error {report.ece:.3f}",
    ]
    if report.leaks and report.accuracy_leak_free is not None:
        lines.append(f"{report.leaks:,} images have an identical twin in train; without them {report.accuracy_leak_free:.2%}")
    if report.ferplus:
        low, high = report.ferplus.accuracy_ci95
        lines += [
            f"FER+ strict {report.ferplus.accuracy:.2%} (interval {low:.2%} to {high:.2%}; n = {report.ferplus.n:,})",
            f"  negative log-likelihood {report.ferplus.nll:.3f}, calibration error {report.ferplus.ece:.3f}, "
            f"divergence from the votes {report.ferplus.kl:.3f}",
        ]
    width = max(len("weighted"), *map(len, report.labels))
    lines += ["", f"{'':{width}}  precision  recall      F1  images"]
    rows = [(row["label"], row["precision"], row["recall"], row["f1"], row["support"]) for row in report.per_class]
    rows.append(("macro", report.macro_precision, report.macro_recall, report.macro_f1, report.n))
    rows.append(("weighted", report.weighted_precision, report.weighted_recall, report.weighted_f1, report.n))
    lines += [f"{label:{width}}  {precision:9.3f}  {recall:6.3f}  {f1:6.3f}  {n:6,}" for label, precision, recall, f1, n in rows]
    if report.most_confused:
        lines += ["", "most frequent mistakes"]
        lines += [f"  {p['true']} taken for {p['predicted']}: {p['count']} ({p['share']:.1%})" for p in report.most_confused[:5]]
    return "\n".join([*lines, *(["", *report.notes] if report.notes else [])])

"""How good is a bundle? Metrics on plain arrays, intervals, the FER+ protocol, and reports that are kept.

bundle + dataset ─ evaluate ─→ Report ─ save ─→ folder ─ load_report ─→ page, terminal, model card
                 ─ measure_robustness (the same images, corrupted) ─→ Robustness ─→ terminal, model card
"""

from fer.evaluation.evaluate import evaluate
from fer.evaluation.ferplus import FerPlusScore
from fer.evaluation.intervals import wilson_interval
from fer.evaluation.metrics import confusion_matrix
from fer.evaluation.report import Report, ReportSummary, list_reports, load_report, reports_dir
from fer.evaluation.robustness import Robustness, describe_robustness, measure_robustness, robustness_table
from fer.evaluation.scores import ClassRow, ConfusedPair
from fer.evaluation.text import classification_text

__all__ = [
    "ClassRow",
    "ConfusedPair",
    "FerPlusScore",
    "Report",
    "ReportSummary",
    "Robustness",
    "classification_text",
    "confusion_matrix",
    "describe_robustness",
    "evaluate",
    "list_reports",
    "load_report",
    "measure_robustness",
    "reports_dir",
    "robustness_table",
    "wilson_interval",
]

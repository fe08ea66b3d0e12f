"""How good is a bundle? Metrics on plain arrays, intervals, the FER+ protocol, and reports that are kept.

bundle + dataset ─ evaluate (and its reality checks) ─→ Report ─ save ─→ folder ─ load_report ─→ page, terminal, model card
Report ─ slice_report, compare_reports ─→ findings;  ─ calibrate ─→ temperature and threshold for the bundle's card
Report with a check that still goes on ─ settle ─→ Report (LiteRT against Keras takes a process of its own)
bundle + dataset ─ measure_robustness (the same images, corrupted) ─→ Robustness ─→ terminal, model card
"""

from fer.evaluation.abstain import Abstention, choose_abstention
from fer.evaluation.calibrate import Calibration, calibrate
from fer.evaluation.checks import Check, run_checks
from fer.evaluation.compare import PairComparison, compare_reports, differences
from fer.evaluation.evaluate import evaluate
from fer.evaluation.ferplus import FerPlusScore
from fer.evaluation.intervals import wilson_interval
from fer.evaluation.metrics import confusion_matrix
from fer.evaluation.report import Report, ReportSummary, list_reports, load_report, reports_dir
from fer.evaluation.robustness import (
    Robustness,
    SeverityCurves,
    describe_robustness,
    measure_robustness,
    measure_severities,
    robustness_table,
)
from fer.evaluation.scores import ClassRow, ConfusedPair
from fer.evaluation.settling import load_settled_report, settle
from fer.evaluation.slice_table import read_csv_columns
from fer.evaluation.slices import Column, SlicedColumn, picture_columns, roll_column, slice_report
from fer.evaluation.taggers import TaggerFigures
from fer.evaluation.text import classification_text

__all__ = [
    "Abstention",
    "Calibration",
    "Check",
    "ClassRow",
    "Column",
    "ConfusedPair",
    "FerPlusScore",
    "PairComparison",
    "Report",
    "ReportSummary",
    "Robustness",
    "SeverityCurves",
    "SlicedColumn",
    "TaggerFigures",
    "calibrate",
    "choose_abstention",
    "classification_text",
    "compare_reports",
    "confusion_matrix",
    "describe_robustness",
    "differences",
    "evaluate",
    "list_reports",
    "load_report",
    "load_settled_report",
    "measure_robustness",
    "measure_severities",
    "picture_columns",
    "read_csv_columns",
    "reports_dir",
    "robustness_table",
    "roll_column",
    "run_checks",
    "settle",
    "slice_report",
    "wilson_interval",
]

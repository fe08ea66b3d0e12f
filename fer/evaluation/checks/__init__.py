"""Reality checks: figures can be true to the last digit and mean nothing. Each check looks for one way that has happened.

    bundle, dataset, report ─ run_checks ─→ (Check, …) ─→ Report.checks ─→ page, terminal, JSON

`evaluate` runs them each time. Two of the five reference systems reported figures that meant nothing, and three had silent faults
between training and prediction; each fault is planted in the tests.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING

from fer.evaluation.checks.answers import check_collapse, check_label_order, check_majority, check_metric, check_size
from fer.evaluation.checks.check import STATUSES, Check, Claim, Evidence, claims_of
from fer.evaluation.checks.inputs import check_preprocessing
from fer.evaluation.checks.made import check_calibration, check_litert, check_trained
from fer.evaluation.checks.overlap import check_leaks, check_look_alikes

if TYPE_CHECKING:  # evaluate.py and report.py keep checks, and so import this package
    from fer.bundles import Bundle
    from fer.data.dataset import Dataset
    from fer.evaluation.report import Report
    from fer.inference.classifier import Answering

__all__ = ["CHECKS", "STATUSES", "Check", "Claim", "Evidence", "run_checks"]

# In the order in which they are shown: how the answers are read, what the figures are worth, what the model is.
CHECKS: tuple[Callable[[Evidence], Check], ...] = (
    check_label_order,
    check_preprocessing,
    check_trained,
    check_majority,
    check_collapse,
    check_metric,
    check_size,
    check_leaks,
    check_look_alikes,
    check_calibration,
    check_litert,
)


def run_checks(
    bundle: Bundle,
    dataset: Dataset,
    report: Report,
    *,
    classifier: Answering | None = None,
    reported: Mapping[str, float] | None = None,
) -> tuple[Check, ...]:
    """Hold an evaluation against what has gone wrong elsewhere.

    Args:
        bundle: who answered.
        dataset: the whole of it, as `evaluate` was given it.
        report: what `evaluate` made of the two.
        classifier: one that is open already on this bundle; default: a new one.
        reported: accuracies that are claimed for the model (a share, 0…1), by what they are called; those of the reference system
            that the bundle's recipe reproduces join them.

    Returns:
        one check each of `CHECKS`, in their order.
    """
    from fer.evaluation.evaluate import Question

    if classifier is None:
        from fer.inference.classifier import Classifier

        classifier = Classifier(bundle)
    question = Question.of(bundle, dataset, report.split, report.head)
    evidence = Evidence(bundle, dataset, question, report, classifier, claims_of(bundle, reported))
    return tuple(check(evidence) for check in CHECKS)

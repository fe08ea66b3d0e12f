"""`calibrate`: report → how sure a bundle should be, and from which confidence on it should answer; to be kept in its card.

report ─ calibrate ─→ Calibration ─ card_changes ─→ fer.bundling.amend_card ─→ bundle, whose answers may be "unsure"
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from fer.errors import DataError, LabelError
from fer.evaluation.abstain import Abstention, choose_abstention
from fer.evaluation.report import Report

if TYPE_CHECKING:
    from fer.bundles import Bundle

WISHED = 0.9


@dataclass(frozen=True, slots=True)
class Calibration:
    """What a report says about the confidence of one head.

    Args:
        head: its name.
        dataset, split, n: on which images.
        old_temperature, old_nll, old_ece: as the bundle is.
        temperature: what its logits should be divided by; the old one where a new one makes nothing better.
        nll, ece: under it, each image with the temperature that others gave (`cross_fit_temperature`).
        abstention: from which confidence on it should answer, under that temperature.
    """

    head: str
    dataset: str
    split: str
    n: int
    old_temperature: float
    old_nll: float
    old_ece: float
    temperature: float
    nll: float
    ece: float
    abstention: Abstention

    @property
    def is_recalibrated(self) -> bool:
        """Whether there is a better temperature than the bundle's."""
        return self.temperature != self.old_temperature

    def as_dict(self) -> dict[str, object]:
        """Ready for JSON."""
        return {
            **{name: getattr(self, name) for name in ("head", "dataset", "split", "n")},
            **{name: getattr(self, name) for name in ("old_temperature", "old_nll", "old_ece", "temperature", "nll", "ece")},
            "abstain": self._abstain_card(),
        }

    def card_changes(self, bundle: Bundle) -> dict[str, Any]:
        """The sections of the bundle's card that change, for `fer.bundling.amend_card`."""
        where = {"dataset": self.dataset, "split": self.split, "n": self.n}
        changes: dict[str, Any] = {"abstain": self._abstain_card()}
        if self.is_recalibrated:
            changes |= {"temperature": self.temperature, "calibration": {**where, "nll": self.nll, "ece": self.ece}}
        return {"heads": [{**head, **(changes if head["name"] == self.head else {})} for head in bundle.card["heads"]]}

    def _abstain_card(self) -> dict[str, Any]:
        chosen = self.abstention
        return {
            "head": self.head,
            "wished": chosen.wished,
            "threshold": chosen.threshold,
            "accuracy": chosen.accuracy,
            "accuracy_ci95": list(chosen.accuracy_ci95),
            "coverage": chosen.coverage,
            "dataset": self.dataset,
            "split": self.split,
            "n": self.n,
        }


def calibrate(bundle: Bundle, report: Report, wished: float = WISHED) -> Calibration:
    """Fit a temperature for the head that answered, and choose the threshold for a wished accuracy.

    Both come from the report's images, which should be of no training part; nothing is measured on images that it was fitted on.

    Args:
        bundle: the one that the report is of.
        report: of all classes of the head.
        wished: accuracy of the answers that are given, over 0 and under 1.

    Raises:
        DataError: the report is of another bundle, or has too few images; or no threshold reaches the wish.
        LabelError: the report's images lack classes of the head: its confidence was worked out without those.
        SettingsError: the wish lies outside its range.
    """
    if report.bundle_sha256 != bundle.sha256:
        raise DataError(
            f"The report is of another state of the model {report.model!r} than {bundle.name!r} has now. Evaluate again."
        )
    head = bundle.head(report.head)
    if lacking := [label for label in head.label_set if label not in report.labels]:
        raise LabelError(
            f"To calibrate the head {head.name!r}, images of all its classes are needed. Lacking: {', '.join(lacking)}. "
            "Take data that knows them (for a head of FER+, the votes)."
        )
    recalibrated, factor = report.recalibrated, report.best_temperature
    if recalibrated is None or factor is None:
        raise DataError("To calibrate takes more than one image.")
    is_better = recalibrated.nll < report.nll
    chosen = recalibrated if is_better else report
    return Calibration(
        head=head.name,
        dataset=report.dataset,
        split=report.split,
        n=report.n,
        old_temperature=head.temperature,
        old_nll=report.nll,
        old_ece=report.ece,
        temperature=head.temperature * factor if is_better else head.temperature,
        nll=chosen.nll,
        ece=chosen.ece,
        abstention=choose_abstention(report.y_true, report.y_prob, wished, fit_temperature=is_better),
    )

"""`FindingTable`: the findings of an audit by kind, and which of them a cleaning list has settled.

A page asks that after every decision, so what does not change is laid out once, in arrays.
"""

from __future__ import annotations

from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from fer.data.dataset import Dataset
from fer.quality.cleaning import CleaningList
from fer.quality.findings import Action, Audit, Finding, images_in, proposals

_BITS: dict[Action, int] = {"keep": 1, "drop": 2, "relabel": 4, "move": 8}


class FindingTable:
    """The findings of one audit.

    Args:
        dataset: what was audited, before any cleaning.
        audit: of it.
    """

    def __init__(self, dataset: Dataset, audit: Audit) -> None:
        self.audit = audit
        self.by_kind = audit.by_kind()
        self._subjects = (dataset.names, dataset.content_ids)

    @cached_property
    def images_found(self) -> int:
        """How many images there is any finding about."""
        return images_in(self.audit.findings)

    @cached_property
    def images(self) -> dict[str, int]:
        """How many images the findings of each kind are about."""
        return {kind: images_in(findings) for kind, findings in self.by_kind.items()}

    @cached_property
    def proposals(self) -> dict[str, dict[Action, int]]:
        """For how many images each kind proposes each action."""
        return {kind: proposals(findings) for kind, findings in self.by_kind.items()}

    def settled(self, cleaning: CleaningList) -> dict[str, NDArray[np.bool_]]:
        """Of each kind, in the order of `by_kind`, whether all images that a finding proposes something for are decided about."""
        decided = self._decided(cleaning)
        settled = {}
        for kind, (targets, wanted, finding_of) in self._targets.items():
            open_findings = finding_of[(decided[targets] & wanted) == 0]
            settled[kind] = np.ones(len(self.by_kind[kind]), np.bool_)
            settled[kind][open_findings] = False
        return settled

    def _decided(self, cleaning: CleaningList) -> NDArray[np.uint8]:
        """What is decided about each image, uint8 (N,): bits of its actions."""
        decided = np.zeros(self.audit.n, np.uint8)
        for (name, content_id, _), decision in cleaning.in_force.items():
            row = self._rows.get((name, content_id))
            if row is not None:
                decided[row] |= _BITS[decision.action]
        return decided

    @cached_property
    def _rows(self) -> dict[tuple[str, int], int]:
        names, content_ids = (column.tolist() for column in self._subjects)
        return {key: row for row, key in enumerate(zip(names, content_ids, strict=True))}

    @cached_property
    def _targets(self) -> dict[str, tuple[NDArray[np.intp], NDArray[np.uint8], NDArray[np.intp]]]:
        """Of each kind, a line a target: its row, the bits of what settles it, and the number of its finding."""
        return {kind: _lines(findings) for kind, findings in self.by_kind.items()}


def _lines(findings: tuple[Finding, ...]) -> tuple[NDArray[np.intp], NDArray[np.uint8], NDArray[np.intp]]:
    bits = [sum(_BITS[action] for action in finding.settled_by) for finding in findings]
    sizes = [len(finding.targets) for finding in findings]
    rows = [row for finding in findings for row in finding.targets]
    return np.array(rows, np.intp), np.repeat(np.array(bits, np.uint8), sizes), np.repeat(np.arange(len(findings)), sizes)

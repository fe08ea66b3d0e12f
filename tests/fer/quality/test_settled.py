"""Which findings a cleaning list has settled, and that accepting passes over just those."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from fer.data import Dataset
from fer.quality.cleaning import CleaningList
from fer.quality.findings import Action, Audit, Finding
from fer.quality.settled import FindingTable

MakeDataset = Callable[..., Dataset]


def make_table(dataset: Dataset, *findings: Finding) -> FindingTable:
    return FindingTable(dataset, Audit(dataset.name, dataset.fingerprint, len(dataset), findings, {}))


def test_a_finding_is_settled_when_all_its_targets_are_decided(make_dataset: MakeDataset) -> None:
    dataset = make_dataset([0, 0, 0, 1, 2])
    table = make_table(
        dataset,
        Finding("identical", (0, 1, 2), 0.9, "drop", kept=1),
        Finding("label_issue", (3,), 0.8, "relabel", "sad"),
        Finding("label_issue", (4,), 0.7, "relabel", "sad"),
        Finding("broken", (), 1.0, "drop", detail="cut.png"),
    )
    assert (table.images_found, table.images["identical"], table.images["broken"]) == (5, 3, 0)
    assert table.proposals["identical"] == {"drop": 2}
    half = CleaningList().decide(dataset, [1], "drop").decide(dataset, [4], "keep")
    settled = {kind: values.tolist() for kind, values in table.settled(half).items()}
    assert settled == {"identical": [False], "broken": [True], "label_issue": [False, True]}, "the worst first"
    assert table.settled(half.decide(dataset, [2], "keep"))["identical"].tolist() == [True]


@pytest.mark.parametrize(
    ("kind", "action", "value", "settles"),
    [
        ("identical", "relabel", "sad", False),  # a copy too many stays one under another label
        ("identical", "move", "val", False),
        ("identical", "keep", "", True),
        ("leak", "move", "val", True),  # both stand on one side then
        ("leak", "relabel", "sad", False),
        ("no_face", "relabel", "sad", True),  # somebody saw a face
        ("no_face", "move", "val", False),
    ],
)
def test_accept_passes_over_what_is_settled(
    kind: str, action: Action, value: str, settles: bool, make_dataset: MakeDataset
) -> None:
    dataset = make_dataset([0, 0])
    table = make_table(dataset, Finding(kind, (0, 1), 0.9, "drop", kept=1))
    decided = CleaningList().decide(dataset, [1], action, value)
    assert table.settled(decided)[kind].tolist() == [settles]
    accepted = decided.accept(dataset, table.audit, kinds=[kind])
    assert (len(accepted.history) == 1) == settles
    assert table.settled(accepted)[kind].all()


def test_decisions_about_other_pictures_settle_nothing(make_dataset: MakeDataset) -> None:
    dataset, other = make_dataset([0, 0]), make_dataset([0, 0], names=["x", "y"])
    table = make_table(dataset, Finding("blank", (0,), 0.9, "drop"))
    assert not table.settled(CleaningList().decide(other, [0], "drop"))["blank"].any()

"""`Finding` and `Audit`: what they refuse, how they rank, and that JSON gives back what went in."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

from fer.errors import DataError
from fer.quality.findings import ACTIONS, KINDS, Audit, Finding

BLANK = Finding("blank", (4,), 0.2, "drop", detail="one grey")
WORSE = Finding("blank", (2,), 0.9, "drop")
LEAK = Finding("leak", (7, 1, 3), 1.0, "drop", kept=1)
CONFLICT = Finding("conflict", (5, 6, 8), 1.0, "relabel", "sad", kept=2)
AUDIT = Audit("faces", "abc", 9, (BLANK, LEAK, WORSE, CONFLICT), {"duplicates": 0.5})


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"kind": "ugly"}, "Unknown kind of finding 'ugly'. Known: leak"),
        ({"action": "burn"}, "Unknown action 'burn'. Known: keep, drop"),
        ({"action": "relabel"}, "relabel with ''"),
        ({"action": "move"}, "move with ''"),
        ({"value": "sad"}, "drop with 'sad'"),
        ({"indices": (1, 1)}, "distinct rows"),
        ({"indices": (-1,)}, "distinct rows"),
        ({"severity": 1.1}, r"0…1. Received: 1\.1"),
        ({"severity": float("nan")}, "nan"),
        ({"kept": 2}, "Of 1 images"),
    ],
)
def test_finding_refuses_what_does_not_fit(change, words) -> None:
    with pytest.raises(DataError, match=words):
        replace(BLANK, **change)


def test_finding_targets_are_those_that_do_not_stay() -> None:
    assert (BLANK.targets, LEAK.targets, CONFLICT.targets) == ((4,), (1, 3), (8,))
    assert Finding("broken", (), 1.0, "drop").targets == ()


def test_kinds_propose_actions_that_exist() -> None:
    assert {kind.action for kind in KINDS.values()} <= set(ACTIONS)


def test_audit_by_kind_worst_first() -> None:
    assert AUDIT.by_kind() == {"leak": (LEAK,), "conflict": (CONFLICT,), "blank": (WORSE, BLANK)}
    assert list(AUDIT.by_kind()) == list(AUDIT.counts()) == ["leak", "conflict", "blank"]
    assert AUDIT.counts()["blank"] == 2


def test_audit_refuses_rows_beyond_the_dataset() -> None:
    with pytest.raises(DataError, match="row 8 of 'faces', which has 8 images"):
        replace(AUDIT, n=8)


def test_audit_survives_json() -> None:
    names = [f"{row}.png" for row in range(9)]
    written = json.loads(json.dumps(AUDIT.as_dict(names)))
    assert written["findings"][1]["names"] == ["7.png", "1.png", "3.png"]
    assert Audit.from_dict(written) == Audit.from_dict(AUDIT.as_dict()) == AUDIT


@pytest.mark.parametrize("damage", [{"findings": None}, {"findings": [{}]}, {"n": "many"}, {"seconds": 3}])
def test_audit_from_dict_of_something_else(damage) -> None:
    with pytest.raises(DataError, match="no audit"):
        Audit.from_dict({**AUDIT.as_dict(), **damage})

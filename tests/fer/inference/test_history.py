"""fer/inference/history.py: what a person showed, of the moments of a session."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from fer.errors import DataError
from fer.inference.history import Moment, people_seen, person_history, usual_face
from fer.inference.shown_face import ShownFace
from fer.labels import FER7

HAPPY = (0.02, 0.02, 0.02, 0.88, 0.02, 0.02, 0.02)
NEUTRAL = (0.02, 0.02, 0.02, 0.02, 0.02, 0.02, 0.88)
FACE = ShownFace((0.0, 0.0, 9.0, 9.0), 0.9, FER7, HAPPY, label_id=3, raw=HAPPY)
AT_REST = replace(FACE, probabilities=NEUTRAL, raw=NEUTRAL, label_id=6)
REFUSED = replace(FACE, face_probability=0.1, face_threshold=0.5, label_id=-1)
SECOND = replace(AT_REST, number=2)


def moments(*faces: tuple[ShownFace, ...]) -> list[Moment]:
    return [Moment(i / 10, seen) for i, seen in enumerate(faces)]


def test_people_seen_leaves_out_who_only_passed_by() -> None:
    assert people_seen(moments(*[(FACE, SECOND)] * 2, *[(FACE,)] * 5)) == [1]


def test_person_history_is_of_the_moments_that_show_the_person() -> None:
    seen = person_history(moments((SECOND, FACE), (SECOND,), (REFUSED,), (AT_REST,)), 1)
    assert seen.times_s.tolist() == [0.0, pytest.approx(0.3)]
    np.testing.assert_allclose(seen.smoothed, [HAPPY, NEUTRAL])
    assert seen.shares() == {label: 0.5 * (label in ("happy", "neutral")) for label in FER7}
    assert len(seen.since(0.2).times_s) == 1
    assert sum(seen.since(9.0).shares().values()) == 0


def test_person_history_of_nobody_is_refused() -> None:
    with pytest.raises(DataError, match="Person 3"):
        person_history(moments((FACE,)), 3)


def test_usual_face_is_the_mean_over_the_time_at_rest() -> None:
    session = moments((FACE,), (AT_REST,), (replace(AT_REST, raw=HAPPY),), (FACE,))
    np.testing.assert_allclose(usual_face(session, 1, 0.05, 0.25), (np.array(HAPPY) + NEUTRAL) / 2)


@pytest.mark.parametrize("seen", [[(SECOND,)] * 5, [(FACE,), (), (), ()], []])
def test_usual_face_of_who_was_hardly_seen_is_refused(seen: list[tuple[ShownFace, ...]]) -> None:
    with pytest.raises(DataError, match="long enough"):
        usual_face(moments(*seen), 1, 0, 9)

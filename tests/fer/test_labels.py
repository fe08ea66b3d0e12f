"""Labels: spellings, order, and picking or merging classes."""

import numpy as np
import pytest

from fer.errors import LabelError
from fer.labels import EMOTIONS, FER7, FER8, VOTE_COLUMNS, ClassMap, LabelSet, canonical_label


@pytest.mark.parametrize(
    ("spelling", "label"),
    [("anger", "angry"), ("Happiness", "happy"), (" SAD ", "sad"), ("fearful", "fear"), ("neutral", "neutral")],
)
def test_canonical_label_known_spelling_maps(spelling: str, label: str) -> None:
    assert canonical_label(spelling) == label


def test_canonical_label_unknown_lists_the_known() -> None:
    with pytest.raises(LabelError, match=r"'bored'.*angry, disgust.*contempt"):
        canonical_label("bored")


def test_label_set_order_is_the_networks_order() -> None:
    label_set = LabelSet(("sad", "happy"))
    assert label_set.decode([1, 0, 0]) == ["happy", "sad", "sad"]
    assert label_set.encode(["happy", "sadness"]).tolist() == [1, 0]


def test_label_set_from_names_takes_canonical_order_whatever_comes() -> None:
    assert LabelSet.from_names(["Surprise", "neutral", "anger"]).names == ("angry", "surprise", "neutral")


@pytest.mark.parametrize("names", [(), ("happy", "happy"), ("happy", " ")])
def test_label_set_without_sense_is_refused(names: tuple[str, ...]) -> None:
    with pytest.raises(LabelError):
        LabelSet(names)


def test_label_id_unknown_class_lists_the_classes() -> None:
    with pytest.raises(LabelError, match="angry, disgust, fear, happy, sad, surprise, neutral"):
        FER7.label_id("contempt")


def test_class_map_picks_in_the_order_asked_and_drops_the_rest() -> None:
    class_map = ClassMap.parse(FER7, ["sad", "happiness"])
    assert class_map.target.names == ("sad", "happy")
    # angry, disgust, fear, happy, sad, surprise, neutral
    assert class_map.apply(np.arange(7)).tolist() == [-1, -1, -1, 1, 0, -1, -1]


def test_class_map_merges_under_a_new_name() -> None:
    class_map = ClassMap.parse(FER7, ["negative=angry+sad", "happy"])
    assert class_map.target.names == ("negative", "happy")
    assert class_map.apply(np.arange(7)).tolist() == [0, -1, -1, 1, 0, -1, -1]


def test_class_map_nothing_asked_keeps_everything() -> None:
    assert ClassMap.parse(FER8, []).apply(np.arange(8)).tolist() == list(range(8))


@pytest.mark.parametrize("classes", [["happy", "joy"], ["bored"], ["x="], ["=happy"], ["happy+"]])
def test_class_map_without_sense_is_refused(classes: list[str]) -> None:
    with pytest.raises(LabelError):
        ClassMap.parse(FER7, classes)


def test_colours_are_distinct_and_merged_classes_have_one_too() -> None:
    assert len({emotion.colour for emotion in EMOTIONS.values()}) == len(EMOTIONS) == 8
    merged = LabelSet(("negative", "happy"))
    assert merged.colour("happy") == EMOTIONS["happy"].colour
    assert merged.colour("negative").startswith("#")
    assert merged.emoji("negative")


def test_vote_columns_begin_with_the_eight_emotions() -> None:
    assert VOTE_COLUMNS[:8] == FER8.names
    assert len(VOTE_COLUMNS) == 10

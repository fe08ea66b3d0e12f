"""Dataset → learning sets: every dataset gets a validation part, nothing stands in both, targets follow the classes."""

from dataclasses import replace

import numpy as np
import pytest

from fer.data import Dataset, read_dataset
from fer.errors import DataError, LabelError
from fer.labels import FER8
from fer.recipes import Settings, load_recipe
from fer.training.batches import Batches
from fer.training.prepare import LearningSet, prepare_data


@pytest.fixture(scope="module")
def faces(tmp_path_factory: pytest.TempPathFactory) -> Dataset:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("FER_CACHE", str(tmp_path_factory.mktemp("cache")))
        return read_dataset("synthetic:240:5")


@pytest.fixture
def settings() -> Settings:
    return load_recipe("compact").settings.with_overrides({"batch_size": 16})


def test_prepare_data_two_heads_where_votes_are_given(faces: Dataset, settings: Settings) -> None:
    prepared = prepare_data(faces, settings)
    assert prepared.heads == {"labels": faces.label_set, "votes": FER8}
    assert prepared.train.images.shape[1:] == (48, 48, 1)
    assert np.allclose(prepared.train.targets["labels"].sum(axis=1), 1)
    assert set(prepare_data(replace(faces, votes=None), settings).heads) == {"labels"}


def test_prepare_data_merged_classes_relabel(faces: Dataset, settings: Settings) -> None:
    wanted = settings.with_overrides({"classes": "good=happy+surprise,bad=angry+sad"})
    prepared = prepare_data(faces, wanted)
    assert prepared.heads["labels"].names == ("good", "bad")
    kept = sum(faces.counts()["train"][name] for name in ("happy", "surprise", "angry", "sad"))
    assert len(prepared.train) + prepared.leaks_removed == kept


@pytest.mark.parametrize("given", [("",), ("train", "test"), ("train",)])
def test_prepare_data_draws_validation_where_none_is_given(faces: Dataset, settings: Settings, given: tuple[str, ...]) -> None:
    splits = np.array([given[row % len(given)] for row in range(len(faces))])
    prepared = prepare_data(faces.with_splits(splits), settings)
    assert 0.1 < len(prepared.val) / (len(prepared.train) + len(prepared.val)) < 0.3
    # What was given as a test part stays one: nothing of it is trained or chosen on.
    assert (prepared.dataset.splits == "test").sum() == (splits == "test").sum()


def test_prepare_data_removes_from_train_what_validation_holds(faces: Dataset, settings: Settings) -> None:
    ids = faces.content_ids.copy()
    train, val = np.flatnonzero(faces.splits == "train"), np.flatnonzero(faces.splits == "val")
    ids[train[:3]] = ids[val[:3]]
    leaky = replace(faces, content_ids=ids)
    assert prepare_data(leaky, settings).leaks_removed == 3
    assert prepare_data(leaky, settings.with_overrides({"remove_leaks": "false"})).leaks_removed == 0


def test_prepare_data_without_images_to_train_on_is_refused(faces: Dataset, settings: Settings) -> None:
    for split in ("val", "test"):
        with pytest.raises(DataError, match=f"to train on.* has 240 in {split}"):
            prepare_data(faces.with_splits(np.full(len(faces), split)), settings)


def test_prepare_data_one_class_is_refused(faces: Dataset, settings: Settings) -> None:
    with pytest.raises(DataError, match="two classes"):
        prepare_data(faces, settings.with_overrides({"classes": "happy"}))


def test_prepare_data_unknown_class_is_refused(faces: Dataset, settings: Settings) -> None:
    with pytest.raises(LabelError, match="bored"):
        prepare_data(faces, settings.with_overrides({"classes": "happy,bored"}))


def test_batches_an_epoch_can_be_drawn_again(faces: Dataset, settings: Settings) -> None:
    train = prepare_data(faces, settings).train
    first, again, next_epoch = (Batches(train, settings, training=True, epoch=epoch) for epoch in (3, 3, 4))
    assert np.array_equal(first[1][0], again[1][0])
    assert not np.array_equal(first[1][0], next_epoch[1][0])
    first.on_epoch_end()
    assert np.array_equal(first[1][0], next_epoch[1][0])


def test_batches_cover_every_image_once(faces: Dataset, settings: Settings) -> None:
    train = prepare_data(faces, settings).train
    batches = Batches(train, settings, training=True)
    seen = sum(batches[index][1]["labels"].sum(axis=0) for index in range(len(batches)))
    assert np.array_equal(seen, train.targets["labels"].sum(axis=0))


def test_batches_small_images_come_small(faces: Dataset, settings: Settings) -> None:
    train = prepare_data(faces, settings).train
    model_input = Batches(train, settings, training=True, image_size=32)[0][0]
    assert model_input.shape == (16, 32, 32, 1)
    assert model_input.dtype == np.float32


def test_prepare_data_with_rejects_teaches_them_to_the_face_head_alone(faces: Dataset, settings: Settings) -> None:
    wanted = settings.with_overrides({"rejects": "0.25", "degrade": "0", "erasing": "0"})
    votes = np.asarray(faces.votes).copy()
    first = np.flatnonzero(faces.splits == "train")[0]
    votes[first] = [0] * 9 + [10]  # ten taggers saw no face
    prepared = prepare_data(replace(faces, votes=votes), wanted)
    assert prepared.outputs == {"labels": 8, "votes": 8, "face": 2}
    row = int(np.flatnonzero(prepared.train.targets["face"][:, 0])[0])
    assert prepared.train.weights["labels"][row] == prepared.train.weights["votes"][row] == 0
    n = int((faces.splits == "val").sum())
    assert len(prepared.val) == n + round(n / 4)
    assert prepared.val.weights["labels"].sum() == n
    assert prepared.val.targets["face"][n:].tolist() == [[1.0, 0.0]] * (len(prepared.val) - n)
    model_input, targets, weights = Batches(prepared.train, wanted, training=True)[0]
    assert len(model_input) == len(targets["labels"]) == 20
    assert weights["labels"][16:].sum() == weights["votes"][16:].sum() == 0
    assert targets["face"][16:, 0].sum() == weights["face"][16:].sum() == 4


def test_batches_with_mixup_blend_images_and_what_they_say(faces: Dataset, settings: Settings) -> None:
    plain = settings.with_overrides(dict.fromkeys(("rotation", "zoom", "shift", "brightness", "contrast"), "0"))
    plain = plain.with_overrides({"flip": "false", "degrade": "0", "erasing": "0"})
    prepared = prepare_data(faces, plain)
    images, targets, _ = Batches(prepared.train, plain, training=True)[0]
    mixed, blended, weights = Batches(prepared.train, plain.with_overrides({"mixup": "0.4"}), training=True)[0]
    # One share for the whole batch: each blend lies on the line between its image and one partner.
    soft = blended["labels"].max(axis=1)
    share = soft[(soft > 0) & (soft < 1)]
    assert len(np.unique(share.round(5))) <= 2
    lam = blended["labels"][np.arange(16), targets["labels"].argmax(axis=1)].min()
    rests = (mixed - lam * images) / (1 - lam)
    distances = np.abs(rests[:, None] - images[None]).max(axis=(2, 3, 4)).min(axis=1)
    assert distances.max() < 1e-2
    assert np.allclose(blended["labels"].sum(axis=1), 1)
    assert weights["labels"].tolist() == [1.0] * 16


def test_prepare_data_labels_of_votes_are_those_of_a_strict_majority(faces: Dataset, settings: Settings) -> None:
    wanted = settings.with_overrides({"labels_from": "votes", "votes": "false"})
    votes = np.zeros((len(faces), 10), np.uint8)
    votes[:, 7] = 10  # contempt, whatever the labels say
    votes[::2] = [0, 5, 5, 0, 0, 0, 0, 0, 0, 0]  # no majority
    with pytest.raises(DataError, match="two classes"):
        prepare_data(replace(faces, votes=votes), wanted)
    votes[1::4, 7], votes[1::4, 0] = 0, 10
    prepared = prepare_data(replace(faces, votes=votes), wanted)
    assert prepared.heads == {"labels": FER8}
    assert set(prepared.dataset.label_ids.tolist()) == {0, 7}
    assert len(prepared.dataset) + prepared.leaks_removed == len(faces) // 2
    with pytest.raises(DataError, match="--ferplus"):
        prepare_data(replace(faces, votes=None), wanted)


def _shown(train: LearningSet, settings: Settings) -> list[int]:
    """Images a class that the batches of an epoch show."""
    batches = Batches(train, settings, training=True)
    return np.sum([batches[index][1]["labels"].sum(axis=0) for index in range(len(batches))], axis=0).astype(int).tolist()


@pytest.mark.parametrize(
    ("change", "expected", "weights"),
    [
        ({"balance": "undersample"}, (4, 4), (1, 1)),
        ({"balance": "oversample_largest"}, (10, 10), (1, 1)),
        ({"balance": "class_weights"}, (10, 4), (0.7, 1.75)),  # 14 / (2 × 10), 14 / (2 × 4)
        ({"overfeed": "sad=5"}, (10, 20), (1, 1)),
        ({"balance": "undersample", "overfeed": "sad=2"}, (4, 8), (1, 1)),
    ],
)
def test_batches_show_classes_as_often_as_the_balance_says(
    faces: Dataset, settings: Settings, change: dict[str, str], expected: tuple[int, int], weights: tuple[float, float]
) -> None:
    wanted = settings.with_overrides({"classes": "happy,sad", "remove_leaks": "false", **change})
    happy, sad = (
        np.flatnonzero((faces.label_ids == faces.label_set.label_id(name)) & (faces.splits != "val")) for name in ("happy", "sad")
    )
    val = np.flatnonzero(faces.splits == "val")
    few = faces.with_splits(np.where(faces.splits == "val", "val", "train")).select(np.concatenate([happy[:10], sad[:4], val]))
    train = prepare_data(few, wanted).train
    assert _shown(train, wanted) == list(expected)
    assert train.images_an_epoch == sum(expected)
    by_class = [train.weights["labels"][train.targets["labels"][:, label] == 1] for label in (0, 1)]
    assert [float(column.mean()) for column in by_class] == pytest.approx(list(weights))


def test_prepare_data_overfeeding_a_class_that_is_not_there_is_refused(faces: Dataset, settings: Settings) -> None:
    with pytest.raises(DataError, match=r"names bored\. Classes"):
        prepare_data(faces, settings.with_overrides({"overfeed": "bored=2"}))

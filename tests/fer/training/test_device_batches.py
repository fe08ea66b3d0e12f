"""Batches made on the device: the CPU's batches where nothing is varied, drawn again from (seed, epoch, batch) where it is."""

from dataclasses import replace

import numpy as np
import pytest

from fer.augmentation import Augmentation
from fer.data import read_dataset
from fer.recipes import Settings, load_recipe
from fer.training import compile, device_batches
from fer.training.batches import Batches
from fer.training.device_batches import DeviceBatches
from fer.training.prepare import PreparedData, prepare_data

OVERRIDES = {"batch_size": 64, "data.rejects": 0.125, "teachers": "", "votes": True}


@pytest.fixture(scope="module")
def settings() -> Settings:
    return load_recipe("compact").settings.with_overrides(OVERRIDES)


@pytest.fixture(scope="module")
def prepared(settings: Settings, tmp_path_factory: pytest.TempPathFactory) -> PreparedData:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("FER_CACHE", str(tmp_path_factory.mktemp("cache")))
        return prepare_data(read_dataset("synthetic:240:5"), settings)


@pytest.fixture(autouse=True)
def _small_stock(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(device_batches, "REJECTS_IN_STOCK", 40)


def _calm(settings: Settings) -> Settings:
    return replace(settings, augmentation=Augmentation())


def test_batches_that_vary_nothing_are_those_of_the_cpu(prepared: PreparedData, settings: Settings) -> None:
    made = DeviceBatches(prepared.train, _calm(settings), training=True, epoch=3)
    expected = Batches(prepared.train, _calm(settings), training=True, epoch=3)
    assert len(made) == len(expected)
    (images, targets, weights), (images_cpu, targets_cpu, weights_cpu) = made[0], expected[0]
    assert np.allclose(np.asarray(images)[:64], images_cpu[:64], atol=1e-6)
    for head in targets:
        assert np.array_equal(targets[head][:64], targets_cpu[head][:64]), head
        assert np.array_equal(weights[head], weights_cpu[head]), head
    # Eight more, without a face
    assert len(images) == 72
    assert (targets["face"][64:] == [1, 0]).all()
    assert not weights["labels"][64:].any()


def test_batches_of_validation_are_those_of_the_cpu(prepared: PreparedData, settings: Settings) -> None:
    made, expected = (kind(prepared.val, settings, training=False) for kind in (DeviceBatches, Batches))
    assert len(made) == len(expected)
    for (images, targets, _), (images_cpu, targets_cpu, _) in zip(made, expected, strict=True):
        assert np.array_equal(np.asarray(images), images_cpu)
        assert all(np.array_equal(targets[head], targets_cpu[head]) for head in targets)


@pytest.mark.parametrize("size", [48, 32])
def test_batch_comes_from_seed_epoch_and_number_alone(prepared: PreparedData, settings: Settings, size: int) -> None:
    mixing = settings.with_overrides({"mixup": 0.4})
    going = DeviceBatches(prepared.train, mixing, training=True, epoch=0, image_size=size)
    _ = going[0], going[1]
    going.on_epoch_end()
    resumed = DeviceBatches(prepared.train, mixing, training=True, epoch=1, image_size=size)
    (images, targets, weights), (again, targets_again, weights_again) = going[1], resumed[1]
    assert np.asarray(images).shape == (72, size, size, 1)
    assert np.array_equal(np.asarray(images), np.asarray(again))
    for head in targets:
        assert np.array_equal(targets[head], targets_again[head])
        assert np.array_equal(weights[head], weights_again[head])
    assert not np.array_equal(np.asarray(images), np.asarray(resumed[0][0]))


def test_batches_of_an_epoch_are_full_and_hold_every_image(prepared: PreparedData, settings: Settings) -> None:
    batches = DeviceBatches(prepared.train, _calm(settings), training=True)
    batches.on_epoch_end()  # also of a second epoch, whose order is drawn anew
    assert len(prepared.train) % 64, "the last batch would be smaller"
    inputs = [np.asarray(batches[number][0]) for number in range(len(batches))]
    assert {len(images) for images in inputs} == {72}
    seen = {picture.tobytes() for images in inputs for picture in images[:64]}
    expected = settings.preprocessing.normalise(prepared.train.images)
    assert seen == {picture.tobytes() for picture in expected}


def test_batches_mixed_up_blend_images_as_targets(
    prepared: PreparedData, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    backwards = np.arange(72)[::-1]
    monkeypatch.setattr(DeviceBatches, "_draw_mixture", lambda *_: (np.float32(0.25), backwards))
    images, targets, weights = DeviceBatches(prepared.train, settings, training=True)[0]
    mixed, mixed_targets, mixed_weights = DeviceBatches(prepared.train, settings.with_overrides({"mixup": 0.4}), training=True)[0]
    plain = np.asarray(images)
    assert np.allclose(np.asarray(mixed), 0.25 * plain + 0.75 * plain[backwards], atol=1e-5)
    # The first eight have a partner without a face, which has no expression to give.
    assert np.allclose(mixed_targets["labels"][:8], 0.25 * targets["labels"][:8])
    assert np.allclose(mixed_targets["face"][:8], [0.75, 0.25])
    assert (mixed_weights["labels"][64:] == weights["labels"][backwards][64:]).all()


@pytest.mark.parametrize("accelerator", [False, True])
def test_auto_takes_an_accelerator_where_there_is_one(
    settings: Settings, accelerator: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(compile, "has_accelerator", lambda: accelerator)
    assert compile.augments_on_device(settings) is accelerator
    assert compile.augments_on_device(settings.with_overrides({"augment_on": "device"}))
    assert not compile.augments_on_device(settings.with_overrides({"augment_on": "cpu"}))
    assert not accelerator or compile.computes_in_bfloat16(settings)
    assert not compile.computes_in_bfloat16(settings.with_overrides({"precision": "float32"}))

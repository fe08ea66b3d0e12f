"""Distillation: teachers from bundles and runs, at their own size, for the heads that both have."""

from pathlib import Path

import keras
import numpy as np
import pytest

from fer.bundles import load_bundle
from fer.data import read_dataset
from fer.errors import BundleError, SettingsError
from fer.recipes import Settings, load_recipe
from fer.training.batches import Batches
from fer.training.compile import build_model, compile_model
from fer.training.distil import join_teachers
from fer.training.prepare import PreparedData, prepare_data


@pytest.fixture
def settings(tiny_bundle: Path, tiny_settings: dict[str, str]) -> Settings:
    return load_recipe("compact").settings.with_overrides({**tiny_settings, "teachers": str(tiny_bundle), "precision": "float32"})


@pytest.fixture
def prepared(settings: Settings) -> PreparedData:
    return prepare_data(read_dataset("synthetic:160:2"), settings)


def test_join_teachers_a_bundle_and_its_run_answer_alike(
    settings: Settings, prepared: PreparedData, tiny_run: Path, tiny_bundle: Path
) -> None:
    images = prepared.val.images[:8]
    model_input = settings.preprocessing.normalise(images)
    for teachers in (str(tiny_run), f"{tiny_run},{tiny_bundle}"):
        both = settings.with_overrides({"teachers": teachers})
        answers = join_teachers(both, prepared.heads)(model_input, 1.0)
        assert set(answers) == {"labels", "votes"}, "and not `face`, which has no classes of expressions"
        bundle = load_bundle(tiny_bundle)
        logits = keras.models.load_model(bundle.keras_path, compile=False)(model_input)
        expected = keras.ops.softmax(logits["votes"])
        assert np.abs(np.asarray(answers["votes"]) - np.asarray(expected)).max() < 1e-5


def test_join_teachers_see_small_images_at_their_own_size(settings: Settings, prepared: PreparedData) -> None:
    answers = join_teachers(settings, prepared.heads)(np.zeros((2, 36, 36, 1), np.float32), 2.0)
    assert answers["labels"].shape == (2, 8)
    assert np.allclose(np.asarray(answers["labels"]).sum(axis=1), 1, atol=1e-5)


@pytest.mark.slow
def test_student_learns_the_teachers_answers_alone_when_they_have_all_the_weight(
    settings: Settings, prepared: PreparedData
) -> None:
    settings = settings.with_overrides(
        {"distil_weight": "1", "epochs": "12", "learning_rate": "0.05", "dropout": "0", "ema": "0"}
    )
    keras.utils.set_random_seed(0)
    model = build_model(settings, prepared)
    compile_model(model, settings, prepared)
    teacher_weights = len(model.variables)
    batch = Batches(prepared.train, settings, training=False)[0]
    first = model.train_on_batch(*batch[:2], sample_weight=batch[2], return_dict=True)["loss"]
    for _ in range(40):
        last = model.train_on_batch(*batch[:2], sample_weight=batch[2], return_dict=True)["loss"]
    assert last < 0.5 * first
    assert (
        len(model.variables) == teacher_weights == len(build_model(settings.with_overrides({"teachers": ""}), prepared).variables)
    )


def test_join_teachers_other_pixels_are_refused(settings: Settings, prepared: PreparedData) -> None:
    with pytest.raises(SettingsError, match="takes 1 channel"):
        join_teachers(settings.with_overrides({"scale": "unit"}), prepared.heads)


def test_join_teachers_without_a_common_head_is_refused(settings: Settings) -> None:
    other = settings.with_overrides({"classes": "happy,sad", "votes": "false"})
    with pytest.raises(SettingsError, match="no head with the student's classes"):
        join_teachers(other, prepare_data(read_dataset("synthetic:160:2"), other).heads)


def test_join_teachers_one_that_is_not_there_is_refused(settings: Settings, prepared: PreparedData) -> None:
    with pytest.raises(BundleError, match="No model 'nobody'"):
        join_teachers(settings.with_overrides({"teachers": "nobody"}), prepared.heads)


def test_start_from_begins_with_the_weights_of_a_bundle(settings: Settings, prepared: PreparedData, tiny_bundle: Path) -> None:
    fresh = settings.with_overrides({"teachers": "", "rejects": "0.2", "start_from": str(tiny_bundle)})
    model = build_model(fresh, prepare_data(read_dataset("synthetic:160:2"), fresh))
    expected = keras.models.load_model(load_bundle(tiny_bundle).keras_path, compile=False).get_weights()
    assert all(np.array_equal(ours, theirs) for ours, theirs in zip(model.get_weights(), expected, strict=True))


def test_start_from_other_classes_keeps_the_trunk_and_begins_their_head_anew(settings: Settings, tiny_bundle: Path) -> None:
    changes = {"teachers": "", "classes": "happy,sad", "frozen": "1", "rejects": "0.2", "start_from": str(tiny_bundle)}
    other = settings.with_overrides(changes)
    keras.utils.set_random_seed(1)
    model = build_model(other, prepare_data(read_dataset("synthetic:160:2"), other))
    theirs = keras.models.load_model(load_bundle(tiny_bundle).keras_path, compile=False)
    trunks = [[layer for layer in network.layers if layer.name not in network.output] for network in (model, theirs)]
    for ours, source in zip(*trunks, strict=True):
        assert all(np.array_equal(a, b) for a, b in zip(ours.get_weights(), source.get_weights(), strict=True))
    # The votes' classes are the same, and so is their head, like that of faces; happy or sad is a new question.
    for head in ("votes", "face"):
        assert np.array_equal(model.get_layer(head).get_weights()[0], theirs.get_layer(head).get_weights()[0])
    assert model.get_layer("labels").get_weights()[0].shape[1] == 1
    assert {variable.path.split("/")[0] for variable in model.trainable_variables} == {"labels", "votes", "face"}


@pytest.mark.parametrize(("share", "frozen"), [(0.0, 0), (0.5, None), (1.0, "all")])
def test_freeze_counts_layers_from_the_image(settings: Settings, prepared: PreparedData, share: float, frozen: object) -> None:
    model = build_model(settings.with_overrides({"teachers": "", "frozen": str(share)}), prepared)
    trunk = [layer.trainable for layer in model.layers if layer.weights and layer.name not in model.output]
    expected = {0: 0, None: round(len(trunk) / 2), "all": len(trunk)}[frozen]  # type: ignore[index]
    assert trunk == [False] * expected + [True] * (len(trunk) - expected)


def test_compile_model_focal_loss_counts_sure_answers_less(settings: Settings, prepared: PreparedData) -> None:
    batch = Batches(prepared.train, settings, training=False)[0]
    losses = []
    for change in ({"loss": "cross_entropy"}, {"loss": "focal", "focal_gamma": "0"}, {"loss": "focal", "focal_gamma": "2"}):
        keras.utils.set_random_seed(0)
        own = settings.with_overrides({"teachers": "", "votes_weight": "0", **change})
        model = build_model(own, prepared)
        compile_model(model, own, prepared)
        losses.append(model.test_on_batch(*batch[:2], sample_weight=batch[2], return_dict=True)["loss"])
    assert losses[1] == pytest.approx(losses[0], rel=1e-5)
    assert losses[2] < losses[0]


@pytest.mark.parametrize("change", [{"widths": "8,16,64"}, {"scale": "unit"}, {"size": "40"}])
def test_start_from_another_network_is_refused(settings: Settings, tiny_bundle: Path, change: dict[str, str]) -> None:
    other = settings.with_overrides({"teachers": "", "rejects": "0.2", "start_from": str(tiny_bundle)} | change)
    with pytest.raises(SettingsError, match="only with its network"):
        build_model(other, prepare_data(read_dataset("synthetic:160:2"), other))

"""Published backbones: each gets pixels as it was trained on, and its weights come from where the settings say, or in words."""

import hashlib
from dataclasses import replace
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest

from fer.errors import SettingsError
from fer.networks import build_network, pretrained
from fer.networks.pretrained import BACKBONES, Pretrained, build_backbone
from fer.networks.weights import begin_with_published_weights, cached_weights
from fer.recipes import load_recipe

BACKBONE = "mobilenet_v3"  # the smallest


@pytest.mark.parametrize(
    ("name", "module"),
    [
        ("vgg16", "vgg16"),
        ("mobilenet_v3", "mobilenet_v3"),
        ("efficientnet_v2_b0", "efficientnet_v2"),
        ("convnext_tiny", "convnext"),
    ],
)
def test_pretrained_scales_pixels_as_keras_does_for_the_backbone(name: str, module: str) -> None:
    model = build_network(Pretrained(name, dropout=0), (32, 32, 3), {"labels": 3})
    features = keras.Model(model.input, model.get_layer("labels").input)
    pixels = np.random.default_rng(0).integers(0, 256, (2, 32, 32, 3)).astype(np.float32)
    model_input = keras.Input((32, 32, 3))
    backbone = keras.Model(model_input, build_backbone(name, model_input).output)
    weighted = ([layer for layer in network.layers if layer.weights] for network in (backbone, model))
    for layer, source in zip(*weighted, strict=False):
        layer.set_weights(source.get_weights())
    expected = backbone(getattr(keras.applications, module).preprocess_input(pixels.copy())).numpy().mean(axis=(1, 2))
    assert np.allclose(features(pixels / 255).numpy(), expected, rtol=1e-3, atol=1e-4)


@pytest.mark.parametrize(
    ("recipe", "parameters"),
    [
        ("vgg16-3class", 14_714_688 + 25_088 * 128 + 128 + 128 * 3 + 3),  # VGG16, 7×7×512 into Dense 128, Dense 3
        ("resnet50-8class", 23_587_712 + 2048 * 8 + 8),
    ],
)
def test_reference_systems_with_backbones_have_their_sizes(recipe: str, parameters: int) -> None:
    settings = load_recipe(recipe).settings
    heads = {"labels": len(settings.data.classes)}
    assert build_network(settings.network, settings.preprocessing.input_shape, heads).count_params() == parameters


@pytest.fixture
def published(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Weights of a backbone on a stand-in for the web, and an empty cache of Keras'."""
    path = tmp_path / "web" / "backbone.weights.h5"
    path.parent.mkdir()
    keras.utils.set_random_seed(3)
    build_backbone(BACKBONE, keras.Input((32, 32, 3))).save_weights(path)
    digest = f"md5:{hashlib.md5(path.read_bytes()).hexdigest()}"
    stand_in = replace(BACKBONES[BACKBONE], url=path.as_uri(), digest=digest, size=path.stat().st_size)
    monkeypatch.setitem(pretrained.BACKBONES, BACKBONE, stand_in)  # type: ignore[arg-type]
    monkeypatch.setenv("KERAS_HOME", str(tmp_path / "keras"))
    return path


def _model(weights: str) -> tuple[Any, Pretrained]:
    network = Pretrained(BACKBONE, weights)
    keras.utils.set_random_seed(0)
    return build_network(network, (32, 32, 3), {"labels": 3}), network


def _first_kernel(model: Any) -> np.ndarray:
    return np.asarray(model.get_layer("conv").get_weights()[0])


def test_published_weights_are_fetched_once_and_kept_in_keras_cache(published: Path) -> None:
    model, network = _model("imagenet")
    before, shares = _first_kernel(model), []
    begin_with_published_weights(model, network, lambda words, share: shares.append(share))
    assert shares[-1] == 1
    assert cached_weights(BACKBONE).read_bytes() == published.read_bytes()
    fetched = _first_kernel(model)
    assert not np.array_equal(fetched, before)
    published.unlink()
    again, network = _model("imagenet")
    begin_with_published_weights(again, network)
    assert np.array_equal(_first_kernel(again), fetched)
    named, network = _model(str(cached_weights(BACKBONE)))
    begin_with_published_weights(named, network)
    assert np.array_equal(_first_kernel(named), fetched)


def test_published_weights_without_a_connection_say_what_to_fetch_and_where_to_put_it(published: Path) -> None:
    url = published.as_uri()
    published.unlink()
    model, network = _model("imagenet")
    with pytest.raises(SettingsError) as caught:
        begin_with_published_weights(model, network)
    for words in (url, str(cached_weights(BACKBONE)), "network.weights=PATH", "network.weights=random"):
        assert words in str(caught.value)


def test_published_weights_of_another_network_are_refused(published: Path, tmp_path: Path) -> None:
    other = tmp_path / "other.weights.h5"
    keras.Sequential([keras.Input((4,)), keras.layers.Dense(2)]).save_weights(other)
    model, network = _model(str(other))
    with pytest.raises(SettingsError, match=r"does not hold weights of MobileNetV3 .*network\.weights=random"):
        begin_with_published_weights(model, network)
    model, network = _model(str(tmp_path / "nowhere.h5"))
    with pytest.raises(SettingsError, match="No weights file at"):
        begin_with_published_weights(model, network)


def test_random_weights_stay(published: Path) -> None:
    model, network = _model("random")
    before = _first_kernel(model)
    begin_with_published_weights(model, network)
    assert np.array_equal(_first_kernel(model), before)


@pytest.mark.parametrize(
    ("shape", "message"), [((32, 32, 1), "set preprocessing.channels to 3"), ((24, 24, 3), "images of 32 pixels and more")]
)
def test_pretrained_input_that_no_backbone_takes_is_refused(shape: tuple[int, int, int], message: str) -> None:
    with pytest.raises(SettingsError, match=message):
        build_network(Pretrained(), shape, {"labels": 2})


@pytest.mark.parametrize("wrong", [{"backbone": "vgg17"}, {"weights": ""}, {"pool": "max"}, {"dense": (0,)}, {"dropout": 1}])
def test_pretrained_settings_that_no_network_has_are_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(SettingsError):
        Pretrained(**wrong)

"""Networks: the sizes that the reference systems and our own recipe state, and one output of logits a head."""

import re

import numpy as np
import pytest

from fer.errors import SettingsError
from fer.evaluation.calibration import softmax
from fer.networks import build_network, count_multiply_adds, log_odds_heads, served_network
from fer.networks.plain_cnn import PlainCnn
from fer.networks.se_resnet import SeResNet
from fer.networks.vgg import Vgg
from fer.recipes import load_recipe


def test_build_network_cnn4_has_the_reference_systems_parameters() -> None:
    # 48×48 grey through four blocks and 256-512-1024-7, by hand: 640 + 204,928 + 295,168 + 1,180,160 (convolutions), 3,840 (their
    # normalisation), 1,179,904 + 131,584 + 525,312 + 7,175 (dense layers), 7,168 (their normalisation).
    model = build_network(PlainCnn(), (48, 48, 1), {"labels": 7})
    assert model.count_params() == 3_535_879


def test_build_network_cnn5_has_the_parameters_that_were_reported() -> None:
    network = PlainCnn((64, 128, 512, 512, 512), (3, 5, 3, 3, 3), (0.4, 0.25, 0.25, 0.25, 0.3), (256, 512), 0.25)
    assert build_network(network, (56, 56, 1), {"labels": 7}).count_params() == 5_792_007


def test_build_network_compact_runs_in_real_time() -> None:
    model = build_network(SeResNet(), (48, 48, 1), {"labels": 7, "votes": 8})
    assert model.count_params() == 698_139
    assert count_multiply_adds(model) / 1e6 == pytest.approx(53, abs=1)


def test_build_network_answers_logits_a_head() -> None:
    model = build_network(SeResNet((8, 8), (8, 16), (1, 1)), (None, None, 1), {"labels": 7, "votes": 8})
    for size in (32, 48):
        answers = model(np.random.default_rng(0).normal(size=(3, size, size, 1)).astype(np.float32))
        assert {head: tuple(logits.shape) for head, logits in answers.items()} == {"labels": (3, 7), "votes": (3, 8)}
        assert float(np.abs(np.asarray(answers["labels"]).sum(axis=1) - 1).min()) > 1e-3, "these are logits, not probabilities"


@pytest.mark.parametrize(
    ("kind", "settings"),
    [
        (PlainCnn, {"filters": (64, 128)}),  # two filters, four kernels
        (SeResNet, {"widths": (32, 64)}),  # two widths, three depths
        (SeResNet, {"stem": (24,)}),
        (Vgg, {"widths": (64, 128)}),
        (Vgg, {"dropout": 1.0}),
    ],
)
def test_network_settings_that_do_not_fit_together_are_refused(kind: type, settings: dict[str, object]) -> None:
    with pytest.raises(SettingsError):
        kind(**settings)


def test_plain_cnn_too_small_an_image_is_refused_in_words() -> None:
    with pytest.raises(SettingsError, match="halves the image 4 times, and an input of 8 pixels"):
        build_network(PlainCnn(), (8, 8, 1), {"labels": 7})


def test_served_network_mirrored_answers_the_mean_of_an_image_and_its_mirror_image() -> None:
    model = build_network(SeResNet((8, 8), (8, 16), (1, 1)), (48, 48, 1), {"labels": 7, "votes": 8})
    images = np.random.default_rng(0).normal(size=(5, 48, 48, 1)).astype(np.float32)
    both, plain, flipped = served_network(model, mirror=True)(images), model(images), model(images[:, :, ::-1])
    for head in ("labels", "votes"):
        expected = (np.asarray(plain[head]) + np.asarray(flipped[head])) / 2
        assert np.abs(np.asarray(both[head]) - expected).max() < 1e-5
        assert np.abs(expected - np.asarray(plain[head])).max() > 1e-3, "the two differ, or nothing is shown"


@pytest.mark.parametrize("mirror", [False, True])
def test_served_network_features_are_what_the_logits_are_made_of(mirror: bool) -> None:
    model = build_network(SeResNet((8, 8), (8, 16), (1, 1)), (48, 48, 1), {"labels": 7})
    images = np.random.default_rng(0).normal(size=(3, 48, 48, 1)).astype(np.float32)
    answers = {name: np.asarray(answer) for name, answer in served_network(model, mirror=mirror)(images).items()}
    assert answers["features"].shape == (3, 12, 12, 16)
    weights, bias = (np.asarray(variable) for variable in model.get_layer("labels").get_weights())
    assert np.abs(answers["features"].mean(axis=(1, 2)) @ weights + bias - answers["labels"]).max() < 1e-5


def test_served_network_features_of_a_mirror_image_are_mirrored() -> None:
    model = served_network(build_network(SeResNet((8, 8), (8, 16), (1, 1)), (48, 48, 1), {"labels": 7}), mirror=True)
    images = np.random.default_rng(0).normal(size=(3, 48, 48, 1)).astype(np.float32)
    there, back = (np.asarray(model(seen)["features"]) for seen in (images, images[:, :, ::-1]))
    assert np.abs(there - back[:, :, ::-1]).max() < 1e-5
    assert np.abs(there - back).max() > 1e-3


def test_served_network_of_a_trunk_without_pooling_has_no_features() -> None:
    assert set(served_network(build_network(PlainCnn(), (48, 48, 1), {"labels": 7}), mirror=False).output) == {"labels"}


@pytest.mark.parametrize(
    ("recipe", "parameters", "multiply_adds"),
    [
        ("flagship", 1.56e6, 117e6),
        ("teacher-vgg8", 4.70e6, 468e6),
        ("teacher-resnet18", 11.3e6, 334e6),
        ("teacher-vgg19", 20.0e6, 893e6),
    ],
)
def test_build_network_recipes_have_the_sizes_that_they_state(recipe: str, parameters: float, multiply_adds: float) -> None:
    chosen = load_recipe(recipe)
    model = build_network(
        chosen.settings.network, chosen.settings.preprocessing.input_shape, {"labels": 7, "votes": 8, "face": 2}
    )
    assert model.count_params() == pytest.approx(parameters, rel=0.01)
    assert count_multiply_adds(model) == pytest.approx(multiply_adds, rel=0.01)
    stated = re.findall(r"([0-9.]+) M (?:parameters|multiply-adds)", chosen.summary)
    assert [float(figure) for figure in stated] == [round(parameters / 1e6, 1), round(multiply_adds / 1e6)]


def test_build_network_vgg8_has_the_parameters_counted_by_hand() -> None:
    # 4,682,304 in eight 3×3 convolutions (1→64→64→128→128→256→256→512→512), 7,680 in their normalisation, 3,591 in the head.
    assert build_network(Vgg(), (None, None, 1), {"labels": 7}).count_params() == 4_693_575


def test_build_network_a_head_of_log_odds_answers_a_sigmoid() -> None:
    settings = load_recipe("cnn4-binary").settings
    model = build_network(settings.network, settings.preprocessing.input_shape, {"labels": 2}, log_odds=["labels"])
    # By hand: 448 + 4,640 + 18,496 + 18,464 (convolutions), 576 (their normalisation), 8,192 × 256 + 256 and 257 (dense layers).
    assert model.count_params() == 448 + 4_640 + 18_496 + 18_464 + 576 + 2_097_408 + 257
    logits = np.asarray(model(np.random.default_rng(0).random((2, 256, 256, 3)).astype(np.float32))["labels"])
    assert logits.shape == (2, 2)
    assert (logits[:, 0] == 0).all()
    assert np.allclose(softmax(logits)[:, 1], 1 / (1 + np.exp(-logits[:, 1])))


def test_log_odds_heads_are_those_of_two_classes() -> None:
    assert log_odds_heads({"labels": ["happy", "sad"], "votes": list("abcdefgh")}) == ["labels"]

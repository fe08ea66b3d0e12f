"""Recipes: what ships can be read, what is unknown is refused with the names that exist."""

from pathlib import Path
from typing import Any

import pytest

from fer.errors import SettingsError
from fer.networks.plain_cnn import PlainCnn
from fer.recipes import Settings, list_recipes, load_recipe, read_recipe, recipe_toml


def test_list_recipes_every_recipe_survives_a_round_trip() -> None:
    recipes = list_recipes()
    assert {"compact", "cnn4-7class"} <= {recipe.name for recipe in recipes}
    assert recipes[0].origin == "", "our own come first"
    for recipe in recipes:
        assert recipe.title
        assert Settings.from_dict(recipe.settings.as_dict()) == recipe.settings


def test_load_recipe_cnn4_is_the_reference_system() -> None:
    settings = load_recipe("cnn4-7class").settings
    assert settings.network == PlainCnn((64, 128, 256, 512), (3, 5, 3, 3), (0.25,) * 4, (256, 512, 1024), 0.25)
    training = settings.training
    assert (training.epochs, training.batch_size, training.optimizer, training.learning_rate) == (48, 128, "adam", 1e-3)
    assert training.early_stopping == 5
    assert (training.plateau_patience, training.plateau_factor, training.plateau_min_delta) == (4, 0.2, 1e-4)
    augmentation = settings.augmentation
    assert (augmentation.flip, augmentation.shear, augmentation.zoom, augmentation.rotation) == (True, 0.2, 0.2, 0)
    assert load_recipe("cnn4-7class").reported["accuracy"] == 0.6712


def test_load_recipe_unknown_lists_the_known() -> None:
    with pytest.raises(SettingsError, match=r"'vgg'.*cnn4-7class, .*compact"):
        load_recipe("vgg")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("colour = 1", "Unknown key in the recipe mine.toml: colour"),
        ("[training]\nepoch = 3", r"Unknown setting in \[training\]: 'epoch'"),
        ("[network]\narchitecture = 'vit'", "'vit'. Known: plain_cnn, pretrained, se_resnet"),
        ("network = 5", "Section 'network' holds settings by name"),
        ("[network]\narchitecture = ['vit']", "Unknown network.architecture"),
        (
            "[network]\narchitecture = 'plain_cnn'\nfilters = [0, 8, 8, 8]\n[training]\nsmall_size = 0",
            "filters, kernels and units of 1",
        ),
        ("[training]\nepochs = 0", "training.epochs lies in 1"),
        ("[training]\nepochs = 'many'", "training.epochs takes a value of type int"),
        ("[training]\noptimizer = 'lion'", "adam, sgd"),
        ("[augmentation]\nerasing = 2", "augmentation.erasing lies in 0…1"),
        ("epochs = [", "Cannot read the recipe mine.toml"),
    ],
)
def test_load_recipe_bad_file_says_what_is_wrong(tmp_path: Path, text: str, message: str) -> None:
    path = tmp_path / "mine.toml"
    path.write_text(text)
    with pytest.raises(SettingsError, match=message):
        load_recipe(path)


@pytest.mark.parametrize(
    ("overrides", "section", "name", "value"),
    [
        ({"epochs": "3"}, "training", "epochs", 3),
        ({"training.learning_rate": "1e-2"}, "training", "learning_rate", 0.01),
        ({"flip": "false"}, "augmentation", "flip", False),
        ({"widths": "16,32,64"}, "network", "widths", (16, 32, 64)),
        ({"classes": "happy,sad"}, "data", "classes", ("happy", "sad")),
        ({"classes": ""}, "data", "classes", ()),
    ],
)
def test_with_overrides_strings_take_the_settings_type(overrides: dict[str, Any], section: str, name: str, value: object) -> None:
    settings = load_recipe("compact").with_overrides(overrides).settings
    assert getattr(getattr(settings, section), name) == value


def test_with_overrides_settings_that_fit_only_together_are_taken_together() -> None:
    changed = load_recipe("compact").settings.with_overrides({"plateau_patience": 3, "schedule": "constant"})
    assert changed.training.plateau_patience == 3


@pytest.mark.parametrize(
    ("overrides", "message"),
    [
        ({"epoch": "3"}, "Unknown setting 'epoch'. Known: .*training.epochs"),
        ({"epochs": "1.5"}, "type int"),
        ({"epochs": ""}, "type int"),
        ({"flip": "perhaps"}, "type bool"),
        ({"plateau_patience": "3"}, "schedule"),
        ({"learning_rate": "nan"}, "learning_rate lies in"),
        ({"squeeze": "0"}, "squeeze of 1 or more"),
        ({"dropout": "1"}, "rate from 0 to below 1"),
        ({"small_size": "4"}, "small_size is 0, or lies in 8…48"),
        ({"small_size": "64"}, "small_size is 0, or lies in 8…48"),
    ],
)
def test_with_overrides_bad_value_is_refused(overrides: dict[str, Any], message: str) -> None:
    with pytest.raises(SettingsError, match=message):
        load_recipe("compact").with_overrides(overrides)


def test_settings_small_images_need_a_network_of_any_size() -> None:
    with pytest.raises(SettingsError, match="small_size"):
        load_recipe("cnn4-7class").with_overrides({"small_size": 32})


def test_load_recipe_vgg16_carries_the_curve_that_was_reported() -> None:
    recipe = load_recipe("vgg16-3class")
    assert len(recipe.reported_curve) == recipe.settings.training.epochs == 10
    assert recipe.reported_curve[0] == {"accuracy": 0.4164, "loss": 3.0154, "val_accuracy": 0.5237, "val_loss": 0.9326}
    assert max(row["val_accuracy"] for row in recipe.reported_curve) == recipe.reported["best accuracy"]


@pytest.mark.parametrize(
    ("overrides", "message"),
    [
        ({"overfeed": "happy"}, "class=times"),
        ({"overfeed": "happy=0"}, "class=times"),
        ({"balance": "fair"}, "class_weights, undersample"),
        ({"labels_from": "moon"}, "dataset, votes"),
        ({"loss": "hinge"}, "cross_entropy, focal"),
        ({"frozen": "1.5"}, "0…1"),
        ({"equalise": "local"}, "none, global, clahe"),
        ({"equalise": "clahe", "augment_on": "device"}, "on the CPU alone"),
    ],
)
def test_with_overrides_values_that_do_not_serve_are_refused(overrides: dict[str, str], message: str) -> None:
    with pytest.raises(SettingsError, match=message):
        load_recipe("compact").with_overrides(overrides)


def test_with_overrides_a_backbone_takes_colour_as_it_is() -> None:
    with pytest.raises(SettingsError, match="RGB in 0…1"):
        load_recipe("vgg16-3class").with_overrides({"channels": "1"})


@pytest.mark.parametrize("recipe", ["transfer", "flagship-finish"])
def test_load_recipe_what_begins_with_the_flagship_has_its_input_and_network(recipe: str) -> None:
    ours, flagship = load_recipe(recipe).settings, load_recipe("flagship").settings
    assert ours.training.start_from == "flagship"
    assert (ours.preprocessing, ours.network) == (flagship.preprocessing, flagship.network)


@pytest.mark.parametrize("recipe", [recipe.name for recipe in list_recipes()])
def test_recipe_toml_reads_back(recipe: str) -> None:
    wished = load_recipe(recipe)
    again = read_recipe(recipe_toml(wished).encode(), "again")
    assert (again.name, again.title, again.settings) == ("again", wished.title, wished.settings)

"""Settings as fields of a form: all of them, explained, and with the choices that are really taken."""

import pytest

from fer.errors import SettingsError
from fer.recipes import list_recipes, load_recipe
from fer.recipes.describe import setting_fields


@pytest.mark.parametrize("recipe", [recipe.name for recipe in list_recipes()])
def test_setting_fields_every_setting_is_explained_and_reads_back_as_it_is(recipe: str) -> None:
    settings = load_recipe(recipe).settings
    found = setting_fields(settings)
    expected = {f"{section}.{name}" for section, values in settings.as_dict().items() for name in values}
    assert {field.key for field in found} == expected - {"network.architecture"}
    for field in found:
        assert len(field.words) > 10, f"{field.key} is not explained"
    assert settings.with_overrides({field.key: field.text for field in found}) == settings


def test_setting_fields_choices_are_what_the_setting_takes() -> None:
    for recipe in ("compact", "vgg16-3class"):
        settings = load_recipe(recipe).settings
        for field in setting_fields(settings):
            for choice in field.choices:
                changes = {field.key: str(choice)}
                if recipe == "vgg16-3class" and field.key in ("preprocessing.channels", "preprocessing.scale"):
                    continue  # a backbone takes RGB in 0…1 alone
                if choice == "device":
                    changes["preprocessing.equalise"] = "none"
                assert str(getattr(getattr(settings.with_overrides(changes), field.section), field.name)) == str(choice)
            if field.choices and field.kind is str:
                with pytest.raises(SettingsError):
                    settings.with_overrides({field.key: "nothing of the kind"})

"""What a search varies: how a user writes it, what is refused and in which words, and what is varied where nobody says."""

from __future__ import annotations

import optuna
import pytest

from fer.errors import SettingsError
from fer.recipes import Settings, list_recipes, load_recipe
from fer.training.search_space import Varied, default_space, offered_space, read_space


@pytest.fixture(scope="module")
def settings() -> Settings:
    return load_recipe("compact").settings


@pytest.mark.parametrize(
    ("text", "varied"),
    [
        ("learning_rate=1e-4..1e-2:log", Varied("training.learning_rate", 1e-4, 1e-2, log=True)),
        ("network.dropout = 0 .. 0.5", Varied("network.dropout", 0.0, 0.5)),
        ("batch_size=16..64", Varied("training.batch_size", 16, 64, whole=True)),
        # As --set would write them, so that the recipe's own value is found among them.
        ("label_smoothing=0,0.10,1e-1", Varied("training.label_smoothing", choices=("0.0", "0.1"))),
        ("schedule=constant,cosine", Varied("training.schedule", choices=("constant", "cosine"))),
        ("flip=yes,no", Varied("augmentation.flip", choices=("true", "false"))),
        ("widths=8,16,32|16,32,64", Varied("network.widths", choices=("8,16,32", "16,32,64"))),
    ],
)
def test_read_space_reads_what_its_text_writes(text: str, varied: Varied, settings: Settings) -> None:
    assert read_space([text], settings) == (varied,)
    assert read_space([varied.text], settings) == (varied,)


@pytest.mark.parametrize(
    ("texts", "words"),
    [
        (["learning_rate"], "KEY=LOW..HIGH"),
        (["=1..2"], "KEY=LOW..HIGH"),
        (["learning_rate="], "KEY=LOW..HIGH"),
        (["learning_rate=0.1"], "two choices or more"),
        (["batch_size=64,64"], "two choices or more"),
        (["learning_rate=0.1..0.01"], "from the lower to the higher"),
        (["learning_rate=..0.1"], "KEY=LOW..HIGH"),
        (["learning_rate=1e-3..1:linear"], "KEY=LOW..HIGH"),
        (["dropout=0..0.5:log"], "begins above 0"),
        (["dropout=0..1.5"], "from 0 to below 1"),
        (["learning_rate=low..high"], "type float"),
        (["batch_size=1.5..64"], "type int"),
        (["optimizer=adam,sgd,lion"], "adam, sgd"),
        (["rate=1,2"], "Unknown setting 'rate'"),
        (["widths=8,16,32"], "separated by |"),
        (["classes=happy,sad"], "changes what is measured"),
        (["mirror=true,false"], "used after training"),
        (["dropout=0..0.5", "network.dropout=0,0.2"], "more than once: network.dropout"),
    ],
)
def test_read_space_refuses_in_words(texts: list[str], words: str, settings: Settings) -> None:
    with pytest.raises(SettingsError) as refusal:
        read_space(texts, settings)
    assert words in str(refusal.value)


@pytest.mark.parametrize("recipe", list_recipes(), ids=lambda recipe: recipe.name)
def test_offered_space_suits_every_recipe_and_holds_its_own_values(recipe: object) -> None:
    settings = recipe.settings  # type: ignore[attr-defined]
    offered = offered_space(settings)
    assert read_space([varied.text for varied in offered], settings) == offered
    assert read_space([varied.text.partition(".")[2] for varied in offered], settings) == offered, "a name alone will do"
    assert all(varied.own_value(settings) is not None for varied in offered)
    assert 4 <= len(default_space(settings)) <= 6
    has_decay = "training.weight_decay" in {varied.key for varied in offered}
    assert has_decay == (settings.training.weight_decay > 0), "only what the recipe uses"


@pytest.mark.parametrize("text", ["learning_rate=1e-4..1e-2:log", "batch_size=16..64", "schedule=constant,cosine"])
def test_suggest_says_the_same_again_and_settings_take_it(text: str, settings: Settings) -> None:
    (varied,) = read_space([text], settings)
    study = optuna.create_study(sampler=optuna.samplers.RandomSampler(seed=3))
    trial = study.ask()
    suggested = varied.suggest(trial)
    assert varied.suggest(optuna.trial.Trial(study, trial._trial_id)) == suggested
    settings.with_overrides({varied.key: suggested})


def test_own_value_outside_the_range_is_none(settings: Settings) -> None:
    near, far, choice = read_space(["learning_rate=0.01..0.1", "weight_decay=0.1..0.2", "batch_size=1,2"], settings)
    assert (near.own_value(settings), far.own_value(settings), choice.own_value(settings)) == (0.05, None, None)

"""The ablations: variants that change what they say, and a table that outlives a failure and ends in a bundle's card."""

import json
import shutil
from pathlib import Path

import pytest
from PIL import Image

from benchmarks.ablations import SERVED, SHARED, SIZE, VARIANTS, Ablations, Variant, main
from fer.augmentation import Augmentation
from fer.bundles import load_bundle
from fer.data import read_dataset
from fer.errors import DataError, RunError
from fer.model_card import ablation_table
from fer.recipes import load_recipe
from fer.training import create_run
from fer.workspace import runs_dir
from tests.conftest import TINY

BY_NAME = {variant.name: variant for variant in VARIANTS}
GEOMETRY = {"flip", "rotation", "zoom", "shift", "shear"}


def test_variants_share_one_base_in_every_group() -> None:
    groups = {group for variant in VARIANTS for group in variant.groups}
    assert groups == {"labels", "distillation", "augmentation", SIZE} == set(BY_NAME["base"].groups)
    assert len(BY_NAME) == len(VARIANTS)
    for group in groups:
        words = [variant.groups[group] for variant in VARIANTS if group in variant.groups]
        assert len(set(words)) == len(words) >= 2


@pytest.mark.parametrize("variant", VARIANTS, ids=lambda variant: variant.name)
def test_variant_recipe_changes_nothing_but_what_it_names(variant: Variant) -> None:
    base, own = (BY_NAME[name].recipe(8, {}).settings.as_dict() for name in ("base", variant.name))
    changed = {f"{section}.{key}" for section, values in own.items() for key in values if values[key] != base[section][key]}
    # The flagship does not shear, so that switching shearing off changes nothing.
    assert changed == set(variant.overrides) - {"augmentation.shear"}
    assert own["training"]["epochs"] == 8


def test_variant_recipe_base_is_the_flagship_without_its_teacher_at_a_small_budget() -> None:
    flagship, base = load_recipe("flagship").settings.as_dict(), BY_NAME["base"].recipe(60, {}).settings.as_dict()
    changed = {f"{section}.{key}" for section, values in base.items() for key in values if values[key] != flagship[section][key]}
    assert changed <= set(SHARED)
    assert base["training"]["teachers"] == ()


def test_variant_recipes_of_augmentation_vary_what_they_say() -> None:
    plain = Augmentation()
    assert BY_NAME["unvaried"].recipe(8, {}).settings.augmentation == plain
    geometry = BY_NAME["geometry"].recipe(8, {}).settings.augmentation
    varied = {name for name in Augmentation.__slots__ if getattr(geometry, name) != getattr(plain, name)}
    assert {"flip", "rotation"} <= varied <= GEOMETRY


def test_variant_recipe_compact_is_as_wide_as_the_recipe_of_that_name() -> None:
    assert BY_NAME["compact"].recipe(8, {}).settings.network == load_recipe("compact").settings.network


def test_served_is_how_the_flagship_is_served() -> None:
    flagship = load_recipe("flagship").settings
    assert flagship.with_overrides(SERVED) == flagship


def test_variant_recipe_callers_overrides_have_the_last_word() -> None:
    assert BY_NAME["compact"].recipe(8, {"network.widths": "4,8,16"}).settings.network.widths == (4, 8, 16)  # type: ignore[union-attr]


DATA = "synthetic:1200:7"  # which the run `tiny` learned from


def as_trained(variant: Variant, epochs: int, overrides: dict[str, str], tiny_run: Path) -> None:
    """The finished run of a variant, with the weights of another network of its architecture."""
    run = create_run(variant.recipe(epochs, overrides), DATA, run_dir=runs_dir() / f"ablation-{variant.name}")
    for file in ("best.npz", "dataset.json", "environment.json", "metrics.jsonl", "state.json"):
        shutil.copy(tiny_run / file, run.path / file)


@pytest.mark.slow
def test_ablations_into_a_bundle_without_the_variant_that_failed(
    tiny_run: Path, tiny_bundle: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    shutil.copytree(tiny_bundle, tmp_path / "models" / "tiny")
    monkeypatch.setenv("FER_MODELS", str(tmp_path / "models"))
    before = load_bundle("tiny")
    overrides = dict(pair.split("=") for pair in TINY)
    for name in ("base", "ferplus"):
        as_trained(BY_NAME[name], 1, overrides, tiny_run)
    # There is no `compact` in this models folder, which could teach.
    wanted = ["--only", "distilled", "base", "ferplus", "--json", str(tmp_path / "table.json"), "--into", "tiny"]
    settings = [part for pair in TINY for part in ("--set", pair)]
    assert main(["--data", DATA, "--epochs", "1", *settings, *wanted]) == 1
    said = capfd.readouterr().err
    assert "No model 'compact'" in said
    assert "Missing: distilled" in said

    bundle = load_bundle("tiny")
    assert bundle.sha256 != before.sha256
    assert {**bundle.card, "ablations": None} == {**before.card, "ablations": None}
    assert [path.name for path in (tmp_path / "models").iterdir()] == ["tiny"]
    ablations = json.loads((tmp_path / "table.json").read_text())
    assert bundle.card["ablations"] == ablations
    plain, served, ferplus = ablations["rows"]
    assert [plain["name"], served["name"], ferplus["name"]] == ["base", "base-served", "ferplus"]
    assert served["groups"] == {SIZE: plain["groups"][SIZE]}
    assert served["multiply_adds"] == 2 * plain["multiply_adds"]
    assert served["parameters"] == plain["parameters"]
    assert ferplus["overrides"] == {"training.labels_weight": "0"}
    assert min(row["milliseconds"] for row in ablations["rows"]) > 0
    low, high = plain["ferplus"]["accuracy_ci95"]
    assert low < plain["ferplus"]["accuracy"] < high

    readme = (bundle.path / "README.md").read_text()
    assert "## Ablations" in readme
    # The base stands in each of its four groups, once more as it is served, and FER+ alone among the labels.
    assert len(ablation_table(ablations)) == 1 + 4 + 1 + 1
    assert f"| labels | FER+ alone | {ferplus['parameters'] / 1e6:.2f} M |" in readme
    assert "its mirror image included, in 8-bit integers" in readme


def test_ablations_take_a_finished_run_but_not_one_of_other_settings(capfd: pytest.CaptureFixture[str]) -> None:
    base = BY_NAME["base"]
    run = create_run(base.recipe(2, {}), "synthetic:160", run_dir=runs_dir() / "ablation-base")
    run.write_state("finished")
    steps = Ablations("synthetic:160", None, 2, {})
    assert steps._trained(base) == run
    with pytest.raises(RunError, match="begun with other settings"):
        Ablations("synthetic:160", None, 3, {})._trained(base)
    assert capfd.readouterr().out == "", "nothing was trained"


def test_ablations_of_data_without_votes_are_refused(tmp_path: Path) -> None:
    dataset = read_dataset("synthetic:160")
    for row in range(60):
        path = tmp_path / "faces" / "validation" / dataset.label_set.names[dataset.label_ids[row]] / f"{row}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(dataset.images[row]).save(path)
    with pytest.raises(DataError, match="Give them with --ferplus"):
        Ablations(str(tmp_path / "faces"), None, 1, {})


def test_ablations_into_a_model_that_is_not_there_trains_nothing(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--data", "synthetic:160", "--into", "nowhere"]) == 1
    assert "No model 'nowhere'" in capsys.readouterr().err
    assert not runs_dir().exists()

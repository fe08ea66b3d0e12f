"""`Recipe`: a named way to train, kept as one TOML file."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import tomli_w

from fer.errors import SettingsError
from fer.recipes.settings import Settings

_FOLDER = Path(__file__).parent
_SECTIONS = ("data", "preprocessing", "network", "augmentation", "training", "serving")
_KEYS = ("title", "summary", "origin", "reported", "reported_images", "reported_curve", *_SECTIONS)
_CURVE = ("accuracy", "loss", "val_accuracy", "val_loss")


@dataclass(frozen=True)
class Recipe:
    """A named way to train.

    Args:
        name: short id, as `--recipe` takes it.
        title: for people, one line.
        summary: what it is and what to expect of it.
        origin: the system it reproduces, or "" for our own.
        reported: figures that the original reported, by metric (a share, 0…1).
        reported_images: that its accuracies were found on; 0 where that is not known.
        reported_curve: the curve that it reported, a row an epoch: accuracy, loss, val_accuracy, val_loss.
        settings: all settings.
    """

    name: str
    title: str
    summary: str
    settings: Settings
    origin: str = ""
    reported: Mapping[str, float] = field(default_factory=dict)
    reported_images: int = 0
    reported_curve: tuple[Mapping[str, float], ...] = ()

    def with_overrides(self, overrides: Mapping[str, Any]) -> Recipe:
        """The recipe with single settings changed, see `Settings.with_overrides`."""
        return replace(self, settings=self.settings.with_overrides(overrides))


def list_recipes() -> list[Recipe]:
    """The recipes that ship with the package, our own first."""
    recipes = [_read(path) for path in sorted(_FOLDER.glob("*.toml"))]
    return sorted(recipes, key=lambda recipe: bool(recipe.origin))


def load_recipe(name_or_path: str | Path) -> Recipe:
    """A recipe by its name, or from a TOML file of the user's.

    Raises:
        SettingsError: there is no such recipe, the file is no TOML, or it has an unknown key or a value that does not fit.
    """
    path = Path(name_or_path)
    if path.suffix == ".toml":
        if not path.is_file():
            raise SettingsError(f"No recipe file at {path}")
        return _read(path)
    known = sorted(found.stem for found in _FOLDER.glob("*.toml"))
    if str(name_or_path) not in known:
        raise SettingsError(f"Unknown recipe {str(name_or_path)!r}. Known: {', '.join(known)}, or the path of a .toml file.")
    return _read(_FOLDER / f"{name_or_path}.toml")


def recipe_toml(recipe: Recipe) -> str:
    """A recipe as the text of a file that `load_recipe` and `read_recipe` read back."""
    return tomli_w.dumps({"title": recipe.title, "summary": recipe.summary, **recipe.settings.as_dict()})


def _read(path: Path) -> Recipe:
    try:
        return read_recipe(path.read_bytes(), path.stem)
    except OSError as error:
        raise SettingsError(f"Cannot read the recipe {path.name}: {error}") from error


def read_recipe(content: bytes, name: str) -> Recipe:
    """A recipe from the content of a TOML file.

    Args:
        content: UTF-8.
        name: what the recipe is called.

    Raises:
        SettingsError: it is no TOML, or has an unknown key or a value that does not fit.
    """
    try:
        table = tomllib.loads(content.decode("utf-8"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise SettingsError(f"Cannot read the recipe {name}.toml: {error}") from error
    unknown = [key for key in table if key not in _KEYS]
    if unknown:
        raise SettingsError(f"Unknown key in the recipe {name}.toml: {', '.join(unknown)}. Known: {', '.join(_KEYS)}")
    sections: dict[str, Any] = {key: table[key] for key in _SECTIONS if key in table}
    try:
        settings = Settings.from_dict(sections)
    except SettingsError as error:
        raise SettingsError(f"Recipe {name}.toml: {error}") from error
    return Recipe(
        name=name,
        title=table.get("title", name),
        summary=table.get("summary", ""),
        origin=table.get("origin", ""),
        reported=table.get("reported", {}),
        reported_images=table.get("reported_images", 0),
        reported_curve=tuple(dict(zip(_CURVE, row, strict=True)) for row in table.get("reported_curve", ())),
        settings=settings,
    )

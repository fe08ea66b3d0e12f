"""Recipes: named ways to train, one TOML file each, and the settings that they are made of."""

from fer.recipes.recipe import Recipe, list_recipes, load_recipe, read_recipe, recipe_toml
from fer.recipes.settings import Settings, read_overrides

__all__ = ["Recipe", "Settings", "list_recipes", "load_recipe", "read_overrides", "read_recipe", "recipe_toml"]

"""The recipe: what a training run is told, as one validated document. Imports no torch."""

from __future__ import annotations

from training.recipe.base import PartName
from training.recipe.read import profile_names, read_recipe
from training.recipe.schema import Recipe

__all__ = ["PartName", "Recipe", "profile_names", "read_recipe"]

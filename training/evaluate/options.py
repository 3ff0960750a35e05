"""How an evaluation is made: the recipe's section ``evaluation`` with the seed of its intervals."""

from __future__ import annotations

from dataclasses import dataclass

from training.recipe import Recipe
from training.recipe.data import ArrayData, ImageData, TableData


@dataclass(frozen=True)
class Options:
    """``subgroups``: traits to look at, all where empty. ``size_bands``: how many, of equally many cases; 0 or 1 for none."""

    seed: int = 0
    resamples: int = 2000
    subgroups: tuple[str, ...] = ()
    size_bands: int = 3
    surface_tolerance: float = 1.0
    specificity: float = 0.9
    worst_cases: int = 6

    @classmethod
    def of(cls, recipe: Recipe) -> Options:
        """As the recipe says."""
        said = recipe.evaluation
        return cls(
            seed=recipe.seed,
            resamples=said.bootstrap,
            subgroups=said.subgroups,
            size_bands=said.size_bands,
            surface_tolerance=said.surface_tolerance_mm,
            specificity=said.specificity,
            worst_cases=said.worst_cases,
        )


def length_unit(recipe: Recipe) -> str:
    """``px`` where the source says nothing about the size of its pixels, else ``mm``."""
    data = recipe.data
    if isinstance(data, ImageData):
        return "px" if data.spacing_mm is None and not data.spacing_column else "mm"
    return "px" if isinstance(data, TableData | ArrayData) else "mm"

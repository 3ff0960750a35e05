"""A comparison: one base recipe, variants of it by name, and seeds that each of them is fitted with."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from pydantic import Field, ValidationError, model_validator

from training.recipe.base import Part
from training.recipe.checks.said import refused
from training.recipe.read import overlaid, read_document, read_yaml, recipe_from
from training.recipe.schema import Recipe


class Comparison(Part):
    """``base``: a recipe's path, from the comparison's folder, or the name of a shipped one. ``common``: laid over it for all
    variants. ``variants``: name to what is laid over that. ``against``: the variant that the others are compared with; the
    first when empty. Of a list, the one that turns out best on the test cases.
    """

    base: str
    profile: str = ""
    seeds: tuple[int, ...] = Field(default=(), description="the base recipe's own when empty")
    against: str | tuple[str, ...] = ""
    common: dict[str, Any] = Field(default_factory=dict)
    variants: dict[str, dict[str, Any]] = Field(min_length=2)

    @model_validator(mode="after")
    def _named(self) -> Comparison:
        unknown = [name for name in self.candidates if name not in self.variants]
        if unknown:
            raise ValueError(f"against: {unknown[0]!r} is none of variants; it has {', '.join(self.variants)}")
        odd = [name for name in self.variants if not name.replace("-", "").replace("_", "").isalnum()]
        if odd:
            raise ValueError(f"variants: {odd[0]!r} names a folder; use letters, digits, - and _")
        if len(set(self.seeds)) < len(self.seeds) or any(seed < 0 for seed in self.seeds):
            raise ValueError("seeds: needs different numbers from 0")
        return self

    @property
    def candidates(self) -> tuple[str, ...]:
        """The variants of which the best is the one that the others are compared with; most often a single one."""
        named = (self.against,) if isinstance(self.against, str) else self.against
        return tuple(name for name in named if name) or (next(iter(self.variants)),)


def read_comparison(path: Path) -> Comparison:
    """Read a comparison's file.

    Raises
    ------
    ConfigError
        Naming file, key and mend.
    """
    document = read_yaml(path)
    try:
        return Comparison.model_validate(document)
    except ValidationError as error:
        raise refused(path, error, document) from error


def variant_recipes(comparison: Comparison, path: Path) -> dict[str, list[Recipe]]:
    """The recipe of every variant and seed, all checked before any is fitted.

    Parameters
    ----------
    path : the comparison's file.
    """
    beside = path.parent / comparison.base
    shipped = read_document(beside if beside.is_file() else Path(comparison.base), comparison.profile)
    base = overlaid(shipped, comparison.common)
    seeds = comparison.seeds or (base.get("seed", 0),)
    return {
        name: [recipe_from({**overlaid(base, over or {}), "seed": seed}, Path(f"{path}: variants.{name}")) for seed in seeds]
        for name, over in comparison.variants.items()
    }

"""Spacing and intensities of the model's grid, decided from the fingerprint alone."""

from __future__ import annotations

from typing import Any

from training.plan.document import Decision
from training.plan.fingerprint import Fingerprint
from training.plan.rules import target_spacing
from training.recipe import Recipe


def grid_decisions(recipe: Recipe, found: Fingerprint) -> tuple[Decision, ...]:
    """What the recipe leaves open of ``package.grid.spacing_mm`` and ``package.intensity``."""
    makers = {"package.grid.spacing_mm": _spacing, "package.intensity": _intensity}
    return tuple(make(recipe, found) for key, make in makers.items() if key in recipe.open_keys)


def _spacing(recipe: Recipe, found: Fingerprint) -> Decision:
    key = "package.grid.spacing_mm"
    if recipe.package["grid"].get("fit", "spacing") != "spacing":
        return Decision(key, None, "images are brought to the patch's size, whatever their pixels measure")
    spacing = target_spacing(found)
    if spacing == tuple(round(value, 4) for value in found.median_spacing_mm):
        return Decision(key, list(spacing), f"the median spacing of {found.cases} training cases")
    why = "the median spacing, but the tenth percentile along the axis that is far coarser and has far fewer voxels"
    return Decision(key, list(spacing), why)


def _intensity(recipe: Recipe, found: Fingerprint) -> Decision:
    key = "package.intensity"
    modalities = {name for wanted in recipe.package["inputs"] for name in wanted.get("modality", ())}
    if modalities == {"CT"}:
        low, high = found.foreground[:2]
        value: dict[str, Any] = {"kind": "window", "lower": float(round(low)), "upper": float(max(round(high), round(low) + 1))}
        return Decision(key, value, "CT has absolute values: from the 0.5th to the 99.5th percentile under the training labels")
    named = "/".join(sorted(modalities)) or "the input"
    why = f"values of {named} share no scale: each image by its own mean and deviation, within its 0.5th to 99.5th percentile"
    return Decision(key, {"kind": "zscore", "lower": 0.5, "upper": 99.5}, why)

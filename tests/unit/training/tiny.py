"""A recipe that trains in a second, on phantoms a few voxels wide."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import yaml

from training.recipe import Recipe

SHIPPED = Path(__file__).parents[3] / "training" / "recipes" / "phantom-organs-ct.yaml"


def tiny_document(**fit: Any) -> dict[str, Any]:
    document: dict[str, Any] = yaml.safe_load(SHIPPED.read_text())
    document["data"] |= {"size_kji": [12, 16, 16], "spacing_mm_kji": [24.0, 26.0, 26.0]}
    document["data"]["split"] = {"kind": "ranges", "train": [1, 3], "validate": [11, 11], "test": [21, 22]}
    document["fit"] |= {
        "steps": 4,
        "schedule": {"warmup_steps": 1, "over_steps": 4, "cooldown_steps": 2},
        "batch": 2,
        "patch": [8, 8, 8],
        "validate_every": 2,
    }
    document["fit"] |= {"checkpoint_every": 2, **fit}
    document["package"]["grid"] |= {"spacing_mm": [24.0, 26.0, 26.0], "patch": [16, 16, 16], "minimum_multiple": 4}
    document["package"]["network"]["arguments"]["channels"] = [4, 4, 8]
    document["floor"] = {}
    return document


def write_tiny_recipe(path: Path, **fit: Any) -> Path:
    path.write_text(yaml.safe_dump(tiny_document(**fit)))
    return path


def tiny_recipe(**fit: Any) -> Recipe:
    return Recipe.model_validate(tiny_document(**fit))

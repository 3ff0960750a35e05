"""A classification of pictures with and without a bright spot, as an .npz file, and recipes that learn it in a second or two."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from storage.base.clock import ManualClock
from training.recipe import Recipe

CODE = {"value": "123", "scheme": "99TEST", "meaning": "Test"}
COUNTS = {"train": 24, "val": 12, "test": 20}


class TickingClock(ManualClock):
    """Time that passes whenever it is looked at, so that what is timed takes the same time everywhere."""

    def monotonic_s(self) -> float:
        self.sleep(0.01)
        return super().monotonic_s()


def write_spots(folder: Path) -> Path:
    """``spots.npz`` in ``folder``; a spot's place, the noise, and which picture has one are drawn from one seed."""
    random = np.random.default_rng(7)
    arrays: dict[str, Any] = {}
    for part, count in COUNTS.items():
        classes = np.arange(count) % 2
        images = random.normal(90, 25, (count, 12, 12))
        for image, spot in zip(images, classes, strict=True):
            j, i = random.integers(2, 10, 2)
            image[j - 2 : j + 2, i - 2 : i + 2] += 90 * spot
        arrays[f"{part}_images"] = images.clip(0, 255).astype(np.uint8)
        arrays[f"{part}_labels"] = classes[:, None].astype(np.uint8)
    np.savez(folder / "spots.npz", **arrays)
    return folder


def spots_document(**changes: Any) -> dict[str, Any]:
    """A recipe for them; ``changes`` replace whole sections."""
    return {
        "format": 2,
        "seed": 3,
        "data": {
            "kind": "npz",
            "file": "spots.npz",
            "split": {"kind": "given"},
            "duplicates": None,
            "classes": {"0": 0, "1": 1},
            "statement": "Drawn for a test.",
        },
        "fit": {
            "steps": 8,
            "batch": 8,
            "patch": [12, 12],
            "learning_rate": 0.01,
            "validate_every": 4,
            "checkpoint_every": 2,
            "schedule": {"warmup_steps": 1},
            "ema_decay": 0.5,
        },
        "evaluation": {"bootstrap": 20, "worst_cases": 1},
        "package": {
            "name": "spots",
            "version": "1.0.0",
            "title": "Spots",
            "task": "classification",
            "intended_use": "Not for clinical use. A test.",
            "licence": "Apache-2.0",
            "weights_licence": "CC-BY-4.0",
            "attribution": "Nobody.",
            "family": CODE,
            "inputs": [{"name": "image", "modality": ["DX"], "spatial_dims": 2}],
            "grid": {"spacing_mm": None, "patch": [12, 12], "fit": "stretch"},
            "intensity": {"kind": "zscore", "lower": 0.5, "upper": 99.5},
            "network": {
                "name": "cnn",
                "arguments": {"spatial_dims": 2, "in_channels": 1, "out_channels": 2, "channels": [4, 8]},
            },
            "labels": [{"value": 1, "name": "Spot", "category": CODE, "type": CODE}],
        },
        **changes,
    }


def spots_recipe(**changes: Any) -> Recipe:
    """The same, checked."""
    return Recipe.model_validate(spots_document(**changes))

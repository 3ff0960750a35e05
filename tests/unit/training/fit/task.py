"""Tasks that are fitted in a second: a bright square to be marked, and a bright image to be told from a dark one."""

from __future__ import annotations

import hashlib
from typing import Any

import numpy as np
import torch

from training.data import GridCase
from training.fit.trainer import Trainer
from training.recipe import Recipe

_CODE = {"value": "1", "scheme": "99TEST", "meaning": "Test"}
SIZE = 16


def document(task: str = "segmentation", **fit: Any) -> dict[str, Any]:
    """A planned recipe of images 16 x 16 with one label, as it stands in a file."""
    segments = task == "segmentation"
    labels = [{"value": 1, "name": "Square", "category": _CODE, "type": _CODE}]
    arguments: dict[str, Any] = {"spatial_dims": 2, "in_channels": 1, "out_channels": 2, "channels": [4, 8]}
    return {
        "format": 2,
        "seed": 5,
        "data": {"kind": "phantom", "size_kji": [4, 16, 16], "spacing_mm_kji": [9, 9, 9], "statement": "-", "split": _SPLIT},
        "fit": {
            "steps": 6,
            "batch": 4,
            "patch": [SIZE, SIZE],
            "learning_rate": 0.02,
            "schedule": {"warmup_steps": 1},
            "validate_every": 3,
            "checkpoint_every": 2,
            "log_every": 2,
            **fit,
        },
        "package": {
            "name": "square",
            "version": "1.0.0",
            "title": "Square",
            "task": task,
            "intended_use": "Tests.",
            "clinical_use": False,
            "licence": "CC0-1.0",
            "weights_licence": "CC0-1.0",
            "attribution": "none",
            "family": _CODE,
            "inputs": [{"name": "image", "modality": ["US"], "spatial_dims": 2}],
            "grid": {"spacing_mm": None, "fit": "stretch", "patch": [SIZE, SIZE], "overlap": 0.5, "minimum_multiple": 4},
            "intensity": {"kind": "zscore", "lower": 0.5, "upper": 99.5},
            "network": {"name": "unet" if segments else "cnn", "arguments": arguments},
            "labels": labels,
            "deadline_s": 60,
            **({} if segments else {"classification": {"temperature": 1.0, "thresholds": [0.5]}}),
        },
    }


_SPLIT = {"kind": "ranges", "train": [1, 8], "validate": [9, 10], "test": [11, 12]}


def recipe(task: str = "segmentation", **fit: Any) -> Recipe:
    return Recipe.model_validate(document(task, **fit))


def cases(count: int = 7, seed: int = 1) -> list[GridCase]:
    """Squares in noise; every second image is bright and of class 1."""
    chance = np.random.default_rng(seed)
    made = []
    for index in range(count):
        image = chance.normal(size=(1, SIZE, SIZE)).astype(np.float32) + index % 2
        target = np.zeros((SIZE, SIZE), dtype=np.uint8)
        row, column = chance.integers(0, SIZE - 6, 2)
        target[row : row + 6, column : column + 6] = 1
        image[0] += 2 * target
        made.append(GridCase(f"case_{index}", torch.from_numpy(image), torch.from_numpy(target), index % 2))
    return made


def larger(count: int = 4) -> list[GridCase]:
    """The same squares, on images twice as large."""
    return [GridCase(case.name, _twice(case.image), _twice(case.mask), case.class_index) for case in cases(count)]


def _twice(image: torch.Tensor) -> torch.Tensor:
    return image.repeat_interleave(2, -2).repeat_interleave(2, -1)


def silent(_step: int, _figures: dict[str, float]) -> None:
    pass


def fitted(told: Recipe, **arguments: Any) -> Trainer:
    """A run from beginning to end."""
    trainer = Trainer(told, cases(), cases(3, seed=2), **arguments)
    trainer.run(silent)
    return trainer


def digest(trainer: Trainer) -> str:
    """Over all bytes of the network and of its average."""
    found = hashlib.sha256()
    for network in (trainer.network, trainer.averaged):
        for key, value in sorted(network.state_dict().items()):
            found.update(key.encode() + np.ascontiguousarray(value.cpu().numpy()).tobytes())
    return found.hexdigest()

"""Recipes of several tasks at once, mask and class of drawn breasts and boxes too, that are fitted in a few seconds."""

from __future__ import annotations

from typing import Any

from training.recipe import Recipe
from training.recipe.read import overlaid

_FAMILY = {"value": "123110", "scheme": "DCM", "meaning": "Artificial Intelligence"}
_ABNORMAL = {"value": "49755003", "scheme": "SCT", "meaning": "Morphologically Abnormal Structure"}
_LESION = {"value": "52988006", "scheme": "SCT", "meaning": "Lesion"}
_MALIGNANT = {"value": "254837009", "scheme": "SCT", "meaning": "Malignant tumor of breast"}
_BREAST = {"value": "76752008", "scheme": "SCT", "meaning": "Breast"}


def several_document(**changes: Any) -> dict[str, Any]:
    """A recipe of drawn breasts with a lesion's mask, and whether it is benign or malignant; ``changes`` are laid over it."""
    document = {
        "format": 2,
        "seed": 3,
        "data": {
            "kind": "phantom-pictures",
            "of": "breast",
            "size_ji": [48, 48],
            "split": {"kind": "ranges", "train": [0, 23], "validate": [30, 38], "test": [40, 51]},
            "statement": "Drawn for a test.",
        },
        "fit": {
            "steps": 6,
            "batch": 6,
            "patch": [32, 32],
            "learning_rate": 0.01,
            "validate_every": 3,
            "checkpoint_every": 2,
            "schedule": {"warmup_steps": 1},
            "ema_decay": 0.5,
        },
        "loss": {"heads": {"classification": {"label_smoothing": 0.05}}, "weights": "learned"},
        "evaluation": {"bootstrap": 20, "worst_cases": 1},
        "package": {
            "name": "breast-reader",
            "version": "1.0.0",
            "title": "Breast reader",
            "task": "multitask",
            "intended_use": "Not for clinical use. A test.",
            "licence": "Apache-2.0",
            "weights_licence": "CC-BY-4.0",
            "attribution": "Nobody.",
            "family": _FAMILY,
            "inputs": [{"name": "image", "modality": ["US"], "spatial_dims": 2}],
            "grid": {"spacing_mm": None, "patch": [32, 32], "fit": "stretch"},
            "intensity": {"kind": "zscore", "lower": 0.5, "upper": 99.5},
            "network": {
                "name": "multitask",
                "arguments": {
                    "spatial_dims": 2,
                    "in_channels": 1,
                    "heads": {"segmentation": 2, "classification": 3},
                    "depth": 10,
                    "width": 8,
                    "stem": "small",
                },
            },
            "labels": [{"value": 1, "name": "Lesion", "category": _ABNORMAL, "type": _LESION, "site": _BREAST}],
            "classes": [
                {"value": 1, "name": "Benign lesion", "category": _ABNORMAL, "type": _LESION, "site": _BREAST},
                {"value": 2, "name": "Malignant lesion", "category": _ABNORMAL, "type": _MALIGNANT, "site": _BREAST},
            ],
        },
    }
    return overlaid(document, changes)


def several_recipe(**changes: Any) -> Recipe:
    """The same, checked."""
    return Recipe.model_validate(several_document(**changes))


def three_document(**changes: Any) -> dict[str, Any]:
    """The same with a head for boxes; ``changes`` are laid over it."""
    heads = {"segmentation": 2, "classification": 3, "detection": 2}
    boxes = {
        "data": {"instances": "parts"},
        "package": {
            "network": {"arguments": {"heads": heads, "boxes": {"pyramid": 16, "finest": 2, "convs": 1}}},
            "grid": {"minimum_multiple": 8},
            "detection": {"score": 0.02, "most": 10},
        },
    }
    return overlaid(overlaid(several_document(), boxes), changes)


def three_recipe(**changes: Any) -> Recipe:
    """The same, checked."""
    return Recipe.model_validate(three_document(**changes))

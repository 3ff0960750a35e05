"""A recipe of two inputs that trains in a second, on phantoms in two series."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import yaml

from training.recipe import Recipe

SHIPPED = Path(__file__).parents[3] / "training" / "recipes" / "phantom-fusion.yaml"


def fused_document(network: str = "gated-fusion", **fit: Any) -> dict[str, Any]:
    """The shipped recipe with few cases and few steps."""
    document: dict[str, Any] = yaml.safe_load(SHIPPED.read_text())
    document["data"]["split"] = {"kind": "ranges", "train": [1, 4], "validate": [201, 202], "test": [301, 303]}
    document["fit"] |= {
        "steps": 4,
        "schedule": {"warmup_steps": 1},
        "batch": 2,
        "validate_every": 2,
        "checkpoint_every": 2,
        **fit,
    }
    document["package"]["network"]["name"] = network
    document["package"]["grid"] |= {"patch": [8, 16, 16]}
    document["package"]["network"]["arguments"]["channels"] = [4, 4]
    document["floor"] = {}
    document["evaluation"] = {"bootstrap": 20, "worst_cases": 1}
    return document


def fused_recipe(network: str = "gated-fusion", **fit: Any) -> Recipe:
    """The same, checked."""
    return Recipe.model_validate(fused_document(network, **fit))


def single_document(name: str) -> dict[str, Any]:
    """The same with one input, ``mr`` or ``pet``, and a network for it."""
    document = fused_document("unet")
    package = document["package"]
    package["inputs"] = [{**given, "optional": False} for given in package["inputs"] if given["name"] == name]
    package["reference"] = None
    package["network"]["arguments"]["in_channels"] = 1
    document["augment"]["drop_inputs"] = {}
    return document

"""Two runs of a recipe end with the same bytes, whatever network learns, with every augmentation on."""

from __future__ import annotations

from typing import Any

import pytest
import torch

from inference.networks import task_of
from tests.unit.inference.networks.examples import arguments, each
from tests.unit.training.fit.task import digest, document, larger, silent
from training.fit.trainer import Trainer
from training.recipe import Recipe
from training.recipe.parts.augment import Augment

_EVERYTHING: dict[str, Any] = {
    "mirror_axes": [0, 1],
    "rotate_deg": 30,
    "scale": [0.8, 1.2],
    "scale_alike": True,
    "crop": [0.7, 1.0],
    "shift_voxels": 2,
    "elastic_voxels": 1.5,
    "elastic_nodes": 4,
    "gamma": [0.7, 1.5],
    "gamma_invert": 0.3,
    "contrast": [0.7, 1.3],
    "brightness": 0.2,
    "coarsen": 0.5,
    "coarsen_factor": [1.0, 2.0],
    "noise": 0.2,
    "speckle": 0.1,
    "lesions": {"probability": 0.5, "label": 1, "radius_voxels": [2, 4]},
    "cutout": 0.3,
    "outside": "edge",
    "probability": {"rotate": 0.9},
}
_FIT: dict[str, Any] = {"patch": [32, 32], "steps": 2, "batch": 2, "balance_classes": True}


def told(name: str) -> Recipe:
    share = {"foreground_share": 0.5} if task_of(name) == "segmentation" else {}
    found = document(task_of(name), **_FIT, **share)
    found["augment"] = _EVERYTHING
    network = {"name": name, "arguments": arguments(name, 2, out_channels=2)}
    found["package"] |= {"network": network, "grid": {**found["package"]["grid"], "patch": [32, 32]}}
    return Recipe.model_validate(found)


def test_every_augmentation_is_on() -> None:
    for_colour = {"hue_deg", "saturation", "channel_gain"}  # which no network of a package takes
    for_inputs = {"drop_inputs"}  # of packages of several, which tests of fusion fit
    assert set(_EVERYTHING) == set(Augment.model_fields) - for_colour - for_inputs


@pytest.mark.parametrize(("name", "dims"), each(2))
def test_two_runs_end_with_the_same_bytes(name: str, dims: int) -> None:
    hashes: list[str] = []
    for before in range(2):
        torch.manual_seed(before)  # what ran before must not matter
        trainer = Trainer(told(name), larger())
        trainer.run(silent)
        hashes.append(digest(trainer))
    assert hashes[0] == hashes[1] != digest(Trainer(told(name), []))


@pytest.mark.heavy
def test_two_threads_give_the_same_bytes_twice() -> None:
    """Images of 32 x 32 are large enough for two threads to share a convolution."""
    hashes: list[str] = []
    torch.set_num_threads(2)
    for _ in range(2):
        trainer = Trainer(told("unet"), larger())
        trainer.run(silent)
        hashes.append(digest(trainer))
    assert hashes[0] == hashes[1]

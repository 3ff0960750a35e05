"""Small arguments for every network, and pictures of them to run on."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import Tensor

from inference.networks import Network, build, task_of

# Beside spatial_dims, in_channels and out_channels.
SMALL: dict[str, dict[str, Any]] = {
    "attention-unet": {"channels": [4, 8, 16]},
    "cnn": {"channels": [4, 8]},
    "deeplabv3plus": {"depth": 10, "width": 4, "rates": [1, 2]},
    "densenet": {"layers": [1, 2], "growth": 4},
    "fcn": {"depth": 10, "width": 4},
    "meshnet": {"width": 4, "dilations": [1, 2, 4]},
    "resnet": {"depth": 10, "width": 4},
    "resunet": {"depth": 10, "width": 4},
    "swin-unetr": {"width": 12, "depths": [2, 1, 1, 1], "heads": [1, 1, 1, 1], "window": 4},
    "unet": {"channels": [4, 8, 16]},
    "vnet": {"channels": [4, 8, 16]},
}
NAMES = tuple(sorted(SMALL))
SEGMENTERS = tuple(name for name in NAMES if task_of(name) == "segmentation")
CLASSIFIERS = tuple(name for name in NAMES if task_of(name) == "classification")
SCALED = ("attention-unet", "unet", "vnet")


def arguments(name: str, dims: int, **more: Any) -> dict[str, Any]:
    return {"spatial_dims": dims, "in_channels": 1, "out_channels": 3, **SMALL[name], **more}


def small(name: str, dims: int, *, seed: int = 0, **more: Any) -> Network:
    """A small network from a seed."""
    torch.manual_seed(seed)
    return build(name, arguments(name, dims, **more))


def each(*dims: int, of: tuple[str, ...] = NAMES) -> list[Any]:
    """Every network in every dimension; those that take seconds to import are heavy."""
    marks = {"swin-unetr": pytest.mark.heavy}
    return [pytest.param(name, d, marks=marks.get(name, ())) for name in of for d in dims]


def side(name: str, dims: int) -> int:
    """A small size that the network takes."""
    return 32 if name == "swin-unetr" or dims == 2 else 16


def picture(dims: int, *, batch: int = 1, channels: int = 1, size: int = 32, seed: int = 1) -> Tensor:
    """Noise (batch, channels, [size,] size, size)."""
    return torch.randn((batch, channels, *[size] * dims), generator=torch.Generator().manual_seed(seed))

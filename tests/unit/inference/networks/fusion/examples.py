"""Small fusion networks, images of several modalities to run on, and the same network with its modalities in another order."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

from inference.networks import build
from inference.networks.fusion import FusionNetwork
from inference.networks.registry import fusion_names

NAMES = fusion_names()
SMALL: dict[str, Any] = {"channels": [4, 8, 16]}


def small(name: str, dims: int = 2, *, seed: int = 0, **more: Any) -> FusionNetwork:
    """A network of three modalities and three classes from a seed, off its neutral start (scales 1, shifts 0)."""
    torch.manual_seed(seed)
    network = build(name, {"spatial_dims": dims, "in_channels": 3, "out_channels": 3, **SMALL, **more})
    assert isinstance(network, FusionNetwork)
    with torch.no_grad():
        for value in network.state_dict().values():
            if value.ndim == 1:
                value.add_(0.1 * torch.rand(value.shape))
        for key, value in network.named_parameters():
            if key == "head.theta":
                value.normal_()
    return network


def side(dims: int) -> int:
    return 16 if dims == 2 else 8


def images(dims: int = 2, *, batch: int = 2, count: int = 3, seed: int = 1, size: int = 0) -> Tensor:
    """Noise (batch, count, [size,] size, size)."""
    shape = (batch, count, *[size or side(dims)] * dims)
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed))


def flags(*cases: str) -> Tensor:
    """``"101"``: the first and the third of three modalities are there."""
    return torch.tensor([[flag == "1" for flag in case] for case in cases])


def reordered(network: FusionNetwork, other: FusionNetwork, order: Sequence[int]) -> FusionNetwork:
    """``other`` with the weights of ``network``, whose modality ``order[i]`` becomes modality i."""
    source: dict[str, Tensor] = dict(network.state_dict())

    def at(key: str) -> Tensor:
        if key == "head.theta":
            return source[key][list(order)]
        found = re.match(r"(down\.\d+|head\.heads|(?:up|merge)\.\d+)\.(\d)(\..*)", key)
        of_a_modality = found and (found[1].startswith(("down", "head")) or any(k.startswith("head.heads") for k in source))
        return source[f"{found[1]}.{order[int(found[2])]}{found[3]}" if found and of_a_modality else key]

    other.load_state_dict({key: at(key) for key in source})
    return other

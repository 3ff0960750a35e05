"""How much memory a training step takes, told without running it: tensors on torch's device "meta" have shapes and no bytes.

What autograd keeps for the backward pass is counted tensor by tensor. Not counted: what a convolution allocates while it works,
which depends on the machine, and the allocator's own waste. Against measured peaks the estimate was within a factor of 1.5
(see tests/unit/training/plan/test_memory.py).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from inference.networks import build
from inference.networks.detection import Detector
from inference.networks.multitask import Outputs

_COPIES = 5  # weights, gradients, two moments of AdamW, averaged weights
_IN_FLIGHT = 3  # a gradient, what it is made from, and the sum it goes into


@dataclass(frozen=True)
class Need:
    """Bytes of one training step, and the network's parameters."""

    parameters: int
    bytes: int

    @property
    def gb(self) -> float:
        """In units of 2**30 bytes."""
        return self.bytes / 2**30


def need_of(name: str, arguments: Mapping[str, Any], batch: int, channels: int, patch: Sequence[int]) -> Need:
    """What a step in single precision needs on patches of this size.

    Raises
    ------
    ModelError
        The network is unknown or doesn't take the arguments or the patch.
    """
    kept: dict[int, int] = {}

    def keep(tensor: Tensor) -> Tensor:
        if not isinstance(tensor, nn.Parameter):
            storage = tensor.untyped_storage()
            kept[storage._cdata] = storage.nbytes()
        return tensor

    network = build(name, arguments).train().to("meta")  # built for real: some read numbers off tensors on the way
    with torch.autograd.graph.saved_tensors_hooks(keep, lambda tensor: tensor):
        _run(network, torch.empty((batch, channels, *patch), device="meta"))
    parameters = sum(parameter.numel() for parameter in network.parameters())
    largest = max(kept.values(), default=0)
    return Need(parameters, sum(kept.values()) + _IN_FLIGHT * largest + weights_bytes(parameters))


def _run(network: nn.Module, images: Tensor) -> None:
    """A forward pass; of a detector up to its pyramid, as what follows depends on the values and is small beside it."""
    if isinstance(network, Detector):
        torch.stack([level.square().sum() for level in network.maps(images)]).sum()
        return
    scores = network(images)
    if isinstance(scores, Outputs) and scores.detection is not None:
        scores.detection.boxes.square().sum()
    for each in (scores.segmentation, scores.classification) if isinstance(scores, Outputs) else (scores,):
        if each is not None:
            torch.softmax(each, dim=1).sum()


def weights_bytes(parameters: int) -> int:
    """Bytes of the weights, their gradients, moments and mean, in single precision."""
    return _COPIES * 4 * parameters

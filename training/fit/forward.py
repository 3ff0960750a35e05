"""One forward and backward pass: network, loss, and the gradient's share in the step."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext

import torch
from torch import Tensor, nn
from torch.nn.parallel import DistributedDataParallel

from storage.base.errors import ConfigError
from training.fit.ranks import Ranks
from training.losses import deep_supervised, make_loss
from training.recipe import Recipe

Logits = Tensor | list[Tensor]


def loss_of(recipe: Recipe) -> Callable[[Logits, Tensor], Tensor]:
    """The recipe's loss, on float32 logits; over several scales, each half the weight of the next finer one."""
    one = make_loss(recipe.loss, recipe.task, recipe.classes)
    many = deep_supervised(one)

    def loss(logits: Logits, targets: Tensor) -> Tensor:
        return many([scale.float() for scale in logits], targets) if isinstance(logits, list) else one(logits.float(), targets)

    return loss


class Scales(nn.Module):
    """A network whose forward pass yields all scales, where the recipe fits by deep supervision; else the network as it is."""

    def __init__(self, network: nn.Module, recipe: Recipe) -> None:
        super().__init__()
        deep = recipe.fit.deep_supervision
        if deep and not getattr(network, "deep_supervision", False):
            message = "fit.deep_supervision: the network yields one scale; set package.network.arguments.deep_supervision: true"
            raise ConfigError(message, code="recipe-invalid")
        self.network = network
        self._deep = deep
        # DistributedDataParallel warns when it is to look for parameters without a gradient and every one has got one
        self.idle = nn.Parameter(torch.zeros(1))

    def forward(self, images: Tensor) -> Logits:
        scales: Logits = self.network.forward_scales(images) if self._deep else self.network(images)  # type: ignore[operator]
        return scales


class Exchange:
    """The network as the processes share it: gradients are averaged in the backward pass of a step's last batch.

    PyTorch's ``DistributedDataParallel``; ``find_unused_parameters`` also keeps its buckets in one order from the first step on,
    which the bytes of a resumed run depend on with three processes and more. It is wrapped anew when stages are
    frozen or released.
    """

    def __init__(self, scales: Scales, ranks: Ranks) -> None:
        self._scales = scales
        self._ranks = ranks
        self._wrapped: DistributedDataParallel | None = None
        self._learning: tuple[bool, ...] = ()

    def forward(self, images: Tensor) -> Logits:
        """All scales, or the one, of this process's images."""
        module: nn.Module = self._shared() or self._scales
        logits: Logits = module(images)
        return logits

    def hold_back(self, more_follow: bool) -> AbstractContextManager[None]:
        """Within it gradients stay with the process, if more batches of the step follow."""
        shared = self._shared()
        return shared.no_sync() if shared is not None and more_follow else nullcontext()

    def _shared(self) -> DistributedDataParallel | None:
        if self._ranks.size == 1:
            return None
        learning = tuple(parameter.requires_grad for parameter in self._scales.parameters())
        if self._wrapped is None or learning != self._learning:
            self._learning = learning
            # of convolutions of one voxel, whose two layouts are the same bytes
            warnings.filterwarnings("ignore", "Grad strides do not match bucket view strides")
            self._wrapped = DistributedDataParallel(self._scales, forward_sync_buffers=False, find_unused_parameters=True)
        return self._wrapped

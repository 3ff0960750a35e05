"""One forward pass: network and loss, as the processes share them."""

from __future__ import annotations

import warnings
from contextlib import AbstractContextManager, nullcontext

import torch
from torch import Generator, Tensor, nn
from torch.nn.parallel import DistributedDataParallel

from training.fit.duties import Drawn, Duty
from training.fit.processes.ranks import Ranks
from training.fit.steps.precision import Precision


class Lesson(nn.Module):
    """A network and its duty: from a batch to the loss.

    Both passes are in one module because the loss of some networks asks them for more (a detector's second stage), which
    ``DistributedDataParallel`` must see.
    """

    def __init__(self, network: nn.Module, duty: Duty, precision: Precision, device: torch.device) -> None:
        super().__init__()
        duty.check(network)
        self.network, self.duty = network, duty
        self._precision, self._device = precision, device
        # DistributedDataParallel warns when it is to look for parameters without a gradient and every one has got one
        self.idle = nn.Parameter(torch.zeros(1, device=device))

    def forward(self, drawn: Drawn, generator: Generator) -> Tensor:
        with self._precision.autocast(self._device):
            answer = self.duty.answer(self.network, drawn)
        return self.duty.loss(self.network, answer, drawn, generator)


class Exchange:
    """The lesson as the processes share it: gradients are averaged in the backward pass of a step's last batch.

    PyTorch's ``DistributedDataParallel``; ``find_unused_parameters`` also keeps its buckets in one order from the first step on,
    which the bytes of a resumed run depend on with three processes and more. It is wrapped anew when stages are
    frozen or released.
    """

    def __init__(self, lesson: Lesson, ranks: Ranks) -> None:
        self._lesson = lesson
        self._ranks = ranks
        self._wrapped: DistributedDataParallel | None = None
        self._learning: tuple[bool, ...] = ()

    def loss(self, drawn: Drawn, generator: Generator) -> Tensor:
        """Of this process's samples."""
        module: nn.Module = self._shared() or self._lesson
        loss: Tensor = module(drawn, generator)
        return loss

    def hold_back(self, more_follow: bool) -> AbstractContextManager[None]:
        """Within it gradients stay with the process, if more batches of the step follow."""
        shared = self._shared()
        return shared.no_sync() if shared is not None and more_follow else nullcontext()

    def _shared(self) -> DistributedDataParallel | None:
        if self._ranks.size == 1:
            return None
        learning = tuple(parameter.requires_grad for parameter in self._lesson.parameters())
        if self._wrapped is None or learning != self._learning:
            self._learning = learning
            # of convolutions of one voxel, whose two layouts are the same bytes
            warnings.filterwarnings("ignore", "Grad strides do not match bucket view strides")
            self._wrapped = DistributedDataParallel(self._lesson, forward_sync_buffers=False, find_unused_parameters=True)
        return self._wrapped

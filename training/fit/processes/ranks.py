"""This process among those that fit one network together."""

from __future__ import annotations

from dataclasses import dataclass

import torch
import torch.distributed as dist
from torch import Tensor, nn


@dataclass(frozen=True)
class Ranks:
    """Process ``number`` of ``size``. The first one alone validates, writes and reports. With ``size`` 1 nothing is exchanged."""

    number: int = 0
    size: int = 1

    @property
    def first(self) -> bool:
        """Whether this process is the one that writes."""
        return self.number == 0

    def mean(self, values: Tensor) -> Tensor:
        """The mean of all processes' ``values``, the same bytes in each of them."""
        if self.size > 1:
            dist.all_reduce(values)
            values /= self.size
        return values

    def told(self, *flags: bool) -> tuple[bool, ...]:
        """The first process's ``flags``, in every process."""
        if self.size == 1:
            return flags
        sent = torch.tensor(flags, dtype=torch.uint8, device=_exchange_device())
        dist.broadcast(sent, src=0)
        return tuple(bool(flag) for flag in sent.tolist())

    @torch.no_grad()
    def share_statistics(self, network: nn.Module) -> None:
        """Give batch norm's running statistics of all processes their mean.

        Each process normalises by its own share of the batch, as gloo has no synchronised batch norm; the averages that are
        exported see all of them.
        """
        floating = [buffer for buffer in network.buffers() if buffer.is_floating_point()] if self.size > 1 else []
        if floating:
            mean = self.mean(torch.cat([buffer.flatten() for buffer in floating]))
            for buffer, values in zip(floating, mean.split([buffer.numel() for buffer in floating]), strict=True):
                buffer.copy_(values.view_as(buffer))


def _exchange_device() -> str:
    """Where NCCL and gloo want what they send."""
    return "cuda" if dist.get_backend() == "nccl" else "cpu"

"""In which order images and weights lie in memory: the channels of a voxel side by side, where that is wanted and safe."""

from __future__ import annotations

import torch
from torch import nn

_NARROW = 8


def memory_format(network: nn.Module, dims: int, channels_last: bool) -> torch.memory_format:
    """The layout for a network with ``dims`` spatial axes."""
    if not channels_last or any(_breaks(module) for module in network.modules()):
        return torch.contiguous_format
    return torch.channels_last_3d if dims == 3 else torch.channels_last


def _breaks(module: nn.Module) -> bool:
    """Whether PyTorch 2.13 on a CPU writes beyond its memory in the backward pass of this convolution, channels last.

    Seen with AVX2: 1 x 1 with a stride and fewer than 8 channels coming in, in two dimensions (the shortcut of a narrow residual
    block); with 8 and more, other kernels and three dimensions it wasn't.
    """
    if not isinstance(module, nn.Conv2d):
        return False
    return module.in_channels < _NARROW and set(module.kernel_size) == {1} and max(module.stride) > 1

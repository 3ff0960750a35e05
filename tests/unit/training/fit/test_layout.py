from __future__ import annotations

import pytest
import torch

from tests.unit.inference.networks.examples import small
from training.fit.layout import memory_format


@pytest.mark.parametrize(
    ("name", "dims", "more", "expected"),
    [
        ("unet", 2, {}, torch.channels_last),
        ("unet", 3, {}, torch.channels_last_3d),
        ("resnet", 2, {"width": 8}, torch.channels_last),
        ("resnet", 2, {"width": 4}, torch.contiguous_format),  # with channels last it writes beyond its memory
        ("resnet", 3, {"width": 4}, torch.channels_last_3d),
    ],
)
def test_channels_last_where_it_is_safe(name: str, dims: int, more: dict[str, int], expected: torch.memory_format) -> None:
    network = small(name, dims, **more)
    assert memory_format(network, dims, True) == expected
    assert memory_format(network, dims, False) == torch.contiguous_format

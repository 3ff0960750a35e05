from __future__ import annotations

import pytest
import torch

from tests.unit.inference.networks.examples import small
from tests.unit.training.fit.task import cases
from training.fit.steps.layout import memory_format
from training.fit.steps.placing import placed


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


def test_cases_go_to_an_accelerator_that_has_room_for_them() -> None:
    """The device ``meta`` stands in for it."""
    told, device = cases(2), torch.device("meta")
    needed = sum(case.image.nbytes + case.mask.nbytes for case in told)
    moved = placed(told, device, room=needed)
    assert [case.image.device.type for case in moved] == ["meta"] * 2 == [case.mask.device.type for case in moved]
    assert [(case.name, case.class_index) for case in moved] == [(case.name, case.class_index) for case in told]
    assert placed(told, device, room=needed - 1) is told and placed(told, torch.device("cpu")) is told

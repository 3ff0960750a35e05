"""Deep supervision: heads at the coarser levels of a decoder."""

from __future__ import annotations

import pytest
import torch

from inference.networks import ScaledNetwork
from tests.unit.inference.networks.examples import SCALED, picture, small


@pytest.mark.parametrize("name", SCALED)
@pytest.mark.parametrize("dims", [2, 3])
def test_full_resolution_first_then_each_half_as_large(name: str, dims: int) -> None:
    network = small(name, dims, channels=[2, 4, 6, 8], deep_supervision=True).eval()
    assert isinstance(network, ScaledNetwork) and network.deep_supervision
    image = picture(dims)
    scales = network.forward_scales(image)
    assert [tuple(scale.shape) for scale in scales] == [(1, 3, *[size] * dims) for size in (32, 16, 8)]
    assert torch.equal(scales[0], network(image))


@pytest.mark.parametrize("name", SCALED)
def test_without_it_there_is_one_scale_and_no_further_weight(name: str) -> None:
    plain, deep = small(name, 2), small(name, 2, deep_supervision=True)
    assert isinstance(plain, ScaledNetwork) and not plain.deep_supervision
    assert len(plain.forward_scales(picture(2))) == 1
    assert {key for key in deep.state_dict() if not key.startswith("scales.")} == set(plain.state_dict())
    assert deep.stages == (*plain.stages[:-1], "scales", "head")


@pytest.mark.parametrize("name", SCALED)
def test_each_scale_teaches_its_own_head(name: str) -> None:
    network = small(name, 2, channels=[2, 4, 6, 8], deep_supervision=True)
    assert isinstance(network, ScaledNetwork)
    network.forward_scales(picture(2))[2].square().sum().backward()
    reached = {key for key, value in network.named_parameters() if value.grad is not None}
    assert {"scales.0.weight", "scales.0.bias"} <= reached
    assert not any(key.startswith(("scales.1", "head")) for key in reached)

"""The shared pieces at the edges of what they take."""

from __future__ import annotations

import pytest
import torch
from torch import nn
from torch.nn import functional

from inference.networks.layers import BatchNorm2d, InstanceNorm2d, InstanceNorm3d, halve, normalise, resize, spatial_mean


@pytest.mark.parametrize("dims", [2, 3])
@pytest.mark.parametrize("norm", ["batch", "instance"])
def test_norms_are_torchs_own_where_there_is_a_spread(dims: int, norm: str) -> None:
    ours = normalise(dims, 3, norm)  # type: ignore[arg-type]
    kind = {("batch", 2): nn.BatchNorm2d, ("batch", 3): nn.BatchNorm3d, ("instance", 2): nn.InstanceNorm2d}.get((norm, dims))
    theirs = kind(3) if kind else nn.InstanceNorm3d(3)
    values = torch.randn(2, 3, *[4] * dims)
    assert torch.equal(ours(values), theirs(values))
    assert torch.equal(ours.eval()(values), theirs.eval()(values))


def test_batch_norm_of_one_value_uses_what_it_has_run_on() -> None:
    norm = BatchNorm2d(2).train()
    norm.running_mean = torch.tensor([1.0, 2.0])
    value = torch.tensor([3.0, 1.0]).view(1, 2, 1, 1)
    expected = (value - norm.running_mean.view(1, 2, 1, 1)) / (1 + norm.eps) ** 0.5
    assert torch.allclose(norm(value), expected)
    assert torch.equal(norm.running_mean, torch.tensor([1.0, 2.0])), "one value teaches no statistics"
    with pytest.raises(ValueError, match="more than 1 value"):
        nn.BatchNorm2d(2)(value)


def test_instance_norm_of_one_pixel_keeps_it() -> None:
    value = torch.tensor([3.0, 1.0]).view(1, 2, 1, 1)
    norm = InstanceNorm2d(2, affine=True)
    with torch.no_grad():
        norm.weight.fill_(2.0)
        norm.bias.fill_(0.5)
    assert norm(value).flatten().tolist() == [6.5, 2.5]
    assert torch.equal(InstanceNorm3d(2)(value[..., None]), value[..., None])


def test_halve_is_average_pooling_but_keeps_an_axis_of_one() -> None:
    values = torch.randn(2, 3, 5, 8)
    assert torch.allclose(halve(values), functional.avg_pool2d(values, 2))
    volume = torch.randn(1, 1, 6, 4, 2)
    assert torch.allclose(halve(volume), functional.avg_pool3d(volume, 2))
    assert halve(torch.randn(1, 1, 1, 1)).shape == (1, 1, 1, 1)


def test_resize_keeps_a_ramp_straight() -> None:
    ramp = torch.arange(4.0).view(1, 1, 1, 4).expand(1, 1, 4, 4)
    assert torch.allclose(resize(ramp, (4, 8))[0, 0, 0, 1:-1], (torch.arange(1.0, 7.0) + 0.5) / 2 - 0.5)
    assert resize(ramp, (4, 4)) is ramp


def test_spatial_mean() -> None:
    values = torch.randn(2, 3, 4, 5, 6)
    assert torch.allclose(spatial_mean(values), values.flatten(2).mean(-1), atol=1e-6)

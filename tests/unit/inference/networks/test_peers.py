"""Against MONAI's implementations, with equal weights in equal order."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import Tensor, nn

from inference.networks import build
from tests.unit.inference.networks.examples import picture

pytestmark = pytest.mark.heavy  # MONAI's networks take seconds to import


def _copy_in_order(source: nn.Module, target: nn.Module) -> None:
    """The state of ``source`` under the names of ``target``; shapes must agree one by one."""
    values: list[Tensor] = list(source.state_dict().values())
    keys = list(target.state_dict())
    assert [tuple(value.shape) for value in values] == [tuple(target.state_dict()[key].shape) for key in keys]
    target.load_state_dict(dict(zip(keys, values, strict=True)))


def _disturb(network: nn.Module) -> None:
    """Move scales, shifts and running statistics off their neutral start, which would hide a swap."""
    generator = torch.Generator().manual_seed(4)
    with torch.no_grad():
        for value in network.state_dict().values():
            if value.ndim == 1 and value.is_floating_point():
                value.add_(torch.rand(value.shape, generator=generator) * 0.1)


@pytest.mark.parametrize(("dims", "depth", "size"), [(2, 18, 64), (2, 34, 64), (2, 50, 64), (3, 18, 32), (3, 50, 32)])
def test_resnet(dims: int, depth: int, size: int) -> None:
    from monai.networks.nets.resnet import ResNet

    torch.manual_seed(0)
    layers = [2, 2, 2, 2] if depth == 18 else [3, 4, 6, 3]
    kind = "bottleneck" if depth == 50 else "basic"
    plan: dict[str, Any] = {"n_input_channels": 1, "num_classes": 3, "conv1_t_stride": 2, "bias_downsample": False}
    theirs = ResNet(kind, layers, [8, 16, 32, 64], spatial_dims=dims, **plan)
    ours = build("resnet", {"spatial_dims": dims, "in_channels": 1, "out_channels": 3, "depth": depth, "width": 8})
    _disturb(theirs)
    _copy_in_order(theirs, ours)
    image = picture(dims, size=size)
    assert torch.allclose(ours.eval()(image), theirs.eval()(image), rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("dims", [2, 3])
def test_densenet(dims: int) -> None:
    from monai.networks.nets.densenet import DenseNet

    torch.manual_seed(0)
    theirs = DenseNet(dims, 1, 3, init_features=16, growth_rate=8, block_config=(2, 3, 2))
    given = {"spatial_dims": dims, "in_channels": 1, "out_channels": 3, "growth": 8, "layers": [2, 3, 2]}
    ours = build("densenet", given)
    _disturb(theirs)
    _copy_in_order(theirs, ours)
    image = picture(dims, size=64 if dims == 2 else 32)
    assert torch.allclose(ours.eval()(image), theirs.eval()(image), rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize(("dims", "norm"), [(2, "batch"), (2, "instance"), (3, "instance")])
def test_swin_unetr(dims: int, norm: str) -> None:
    from monai.networks.nets.swin_unetr import SwinUNETR

    torch.manual_seed(0)
    plan: dict[str, Any] = {"depths": (2, 1, 1, 1), "num_heads": (1, 2, 2, 4), "window_size": 4}
    theirs = SwinUNETR(1, 3, feature_size=12, norm_name=(norm, {"affine": True}), spatial_dims=dims, **plan)
    given = {"width": 12, "depths": [2, 1, 1, 1], "heads": [1, 2, 2, 4], "window": 4, "norm": norm}
    ours = build("swin-unetr", {"spatial_dims": dims, "in_channels": 1, "out_channels": 3, **given})
    ours.load_state_dict(theirs.state_dict())  # the very names
    image = torch.cat([picture(dims, seed=1), picture(dims, seed=2)], dim=-1)  # theirs can't take a last map of one pixel
    assert torch.equal(ours.train()(image), theirs.train()(image))
    assert torch.equal(ours.eval()(image), theirs.eval()(image))

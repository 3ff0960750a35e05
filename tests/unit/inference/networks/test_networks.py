"""What holds for every network of the registry, in two and three dimensions."""

from __future__ import annotations

import json
from typing import Any

import pytest
import torch
from torch import nn

from inference.networks import Classifier, build, minimum_multiple, names, stage_of, task_of
from storage.base.errors import ModelError
from tests.unit.inference.networks.examples import CLASSIFIERS, NAMES, SEGMENTERS, arguments, each, picture, side, small

EACH = each(2, 3)


def test_the_examples_name_every_network() -> None:
    assert names() == NAMES
    assert names("segmentation") + names("classification") == tuple(sorted(SEGMENTERS)) + tuple(sorted(CLASSIFIERS))
    assert {task_of("resnet"), task_of("vnet")} == {"classification", "segmentation"}


@pytest.mark.parametrize(("name", "dims"), EACH)
def test_trains_on_one_small_picture(name: str, dims: int) -> None:
    """Shape and gradients, at a batch of one and the smallest size, where the deepest map may be one pixel."""
    network = small(name, dims, out_channels=4)
    image = picture(dims, size=side(name, dims))
    logits = network(image)
    assert logits.shape == ((1, 4) if name in CLASSIFIERS else (1, 4, *image.shape[2:]))
    logits.square().mean().backward()
    without = [key for key, value in network.named_parameters() if value.grad is None]
    assert not without and bool(torch.isfinite(logits).all())


@pytest.mark.parametrize(("name", "dims"), each(2))
@pytest.mark.parametrize("norm", ["batch", "instance"])
def test_three_channels_and_unequal_sides(name: str, dims: int, norm: str) -> None:
    network = small(name, dims, in_channels=3, out_channels=2, norm=norm).eval()
    image = torch.zeros((2, 3, 32, 64))
    assert network(image).shape == ((2, 2) if name in CLASSIFIERS else (2, 2, 32, 64))


@pytest.mark.parametrize(("name", "dims"), EACH)
def test_each_parameter_is_in_one_stage_and_the_last_is_the_head(name: str, dims: int) -> None:
    network = small(name, dims, out_channels=5)
    keys = [key for key, _ in network.named_parameters()]
    assert all(sum(key.startswith(stage) for stage in network.stages) == 1 for key in keys), "by a plain prefix"
    assert [stage_of(network, key) for key in network.state_dict()] and {stage_of(network, key) for key in keys} == set(
        network.stages
    )
    changed = [
        key
        for key, value in small(name, dims, out_channels=6).named_parameters()
        if value.shape != network.get_parameter(key).shape
    ]
    assert changed and {stage_of(network, key) for key in changed} == {network.stages[-1]}
    with pytest.raises(KeyError):
        stage_of(network, "nothing.weight")


@pytest.mark.parametrize(("name", "dims"), EACH)
def test_same_seed_same_weights_and_same_gradients(name: str, dims: int) -> None:
    gradients = []
    for _ in range(2):
        network = small(name, dims, seed=3)
        network(picture(dims, batch=2, size=side(name, dims))).square().mean().backward()
        gradients.append({key: (value, value.grad) for key, value in network.named_parameters()})
    for key, (weight, gradient) in gradients[0].items():
        again, gradient_again = gradients[1][key]
        assert gradient is not None and gradient_again is not None
        assert torch.equal(weight, again) and torch.equal(gradient, gradient_again), key


@pytest.mark.parametrize(("name", "dims"), EACH)
def test_channels_last_gives_the_same(name: str, dims: int) -> None:
    network = small(name, dims).eval()
    image = picture(dims, size=side(name, dims))
    expected = network(image)
    layout = torch.channels_last if dims == 2 else torch.channels_last_3d
    network.to(memory_format=layout)  # type: ignore[call-overload]
    assert torch.allclose(network(image.to(memory_format=layout)), expected, atol=1e-4)


@pytest.mark.parametrize(("name", "dims"), each(2))
def test_runs_in_brain_float(name: str, dims: int) -> None:
    network = small(name, dims)
    with torch.autocast("cpu", torch.bfloat16):
        logits = network(picture(dims))
    logits.float().square().mean().backward()
    assert bool(torch.isfinite(logits).all())


@pytest.mark.parametrize(("name", "dims"), each(2))
def test_arguments_come_from_json(name: str, dims: int) -> None:
    given = json.loads(json.dumps(arguments(name, dims)))
    assert sum(value.numel() for value in build(name, given).parameters()) > 0


@pytest.mark.parametrize(("name", "dims"), each(2, of=SEGMENTERS))
def test_a_size_that_does_not_fit_is_named(name: str, dims: int) -> None:
    multiple = minimum_multiple(name, arguments(name, dims))
    network = small(name, dims).eval()
    if multiple == 1:
        assert network(torch.zeros((1, 1, 33, 47))).shape == (1, 3, 33, 47)
    else:
        with pytest.raises(ModelError, match=rf"an input of 32 × 33 .* multiple of {multiple}; correct the patch"):
            network(torch.zeros((1, 1, 32, 33)))


def test_multiples() -> None:
    assert minimum_multiple("unet", {"channels": [1, 2, 3, 4, 5]}) == 16
    assert minimum_multiple("vnet", {}) == 8 and minimum_multiple("cnn", {}) == 1
    with pytest.raises(ModelError, match="channels must be a list"):
        minimum_multiple("unet", {"channels": 3})


@pytest.mark.parametrize("name", CLASSIFIERS)
@pytest.mark.parametrize("size", [28, 5])
def test_classifiers_take_small_images_and_show_their_last_map(name: str, size: int) -> None:
    stem: dict[str, Any] = {} if name == "cnn" else {"stem": "small"}
    network = small(name, 2, **stem).train()
    assert isinstance(network, Classifier)
    seen: list[torch.Tensor] = []

    def keep(module: nn.Module, inputs: tuple[torch.Tensor, ...], output: torch.Tensor) -> None:
        output.retain_grad()
        seen.append(output)

    network.cam_layer.register_forward_hook(keep)
    network(picture(2, batch=2, size=size)).sum().backward()
    assert seen[0].ndim == 4 and seen[0].shape[2] == seen[0].shape[3] <= size
    assert seen[0].grad is not None and bool(seen[0].grad.abs().sum() > 0) and bool((seen[0] >= 0).all())

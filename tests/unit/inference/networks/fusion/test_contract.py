"""What holds for every network of the registry holds for those of several modalities."""

from __future__ import annotations

import json
from typing import Any

import pytest
import torch

from inference.networks import build, minimum_multiple, names, stage_of, task_of
from inference.networks.fusion import FusionNetwork
from storage.base.errors import ModelError
from tests.unit.inference.networks.fusion.examples import NAMES, SMALL, flags, images, small

EACH = [(name, dims) for name in NAMES for dims in (2, 3)]


def test_they_are_segmenters_beside_the_networks_of_one_image() -> None:
    assert NAMES == ("attention-fusion", "early-fusion", "gated-fusion", "late-fusion") and not set(NAMES) & set(names())
    assert {task_of(name) for name in NAMES} == {"segmentation"}


@pytest.mark.parametrize(("name", "dims"), EACH)
def test_trains_on_one_case_of_the_smallest_size(name: str, dims: int) -> None:
    network = small(name, dims)
    image = images(dims, batch=1, size=minimum_multiple(name, SMALL))
    logits = network(image)
    assert logits.shape == (1, 3, *image.shape[2:])
    logits.square().mean().backward()
    without = [key for key, value in network.named_parameters() if value.grad is None]
    assert not without and bool(torch.isfinite(logits).all())


@pytest.mark.parametrize(("name", "dims"), EACH)
def test_each_parameter_is_in_one_stage_and_the_last_is_the_head(name: str, dims: int) -> None:
    network, wider = small(name, dims, out_channels=5), small(name, dims, out_channels=6)
    keys = [key for key, _ in network.named_parameters()]
    assert all(sum(key.startswith(stage) for stage in network.stages) == 1 for key in keys), "by a plain prefix"
    assert {stage_of(network, key) for key in network.state_dict()} == set(network.stages)
    changed = [key for key, value in wider.named_parameters() if value.shape != network.get_parameter(key).shape]
    assert changed and {stage_of(network, key) for key in changed} == {network.stages[-1]}


@pytest.mark.parametrize(("name", "dims"), EACH)
def test_same_seed_same_weights_and_same_gradients(name: str, dims: int) -> None:
    gradients = []
    for _ in range(2):
        network = small(name, dims, seed=3)
        network(images(dims), flags("110", "011")).square().mean().backward()
        gradients.append({key: (value, value.grad) for key, value in network.named_parameters()})
    for key, (weight, gradient) in gradients[0].items():
        again, gradient_again = gradients[1][key]
        assert gradient is not None and gradient_again is not None
        assert torch.equal(weight, again) and torch.equal(gradient, gradient_again), key


@pytest.mark.parametrize(("name", "dims"), EACH)
def test_channels_last_gives_the_same(name: str, dims: int) -> None:
    network, image, there = small(name, dims).eval(), images(dims), flags("101", "111")
    expected = network(image, there)
    layout = torch.channels_last if dims == 2 else torch.channels_last_3d
    network.to(memory_format=layout)  # type: ignore[call-overload]
    assert torch.allclose(network(image.to(memory_format=layout), there), expected, atol=1e-4)


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("norm", ["batch", "instance"])
def test_runs_in_brain_float_with_unequal_sides(name: str, norm: str) -> None:
    network = small(name, norm=norm)
    with torch.autocast("cpu", torch.bfloat16):
        logits = network(torch.randn((2, 3, 8, 24)), flags("100", "011"))
    logits.float().square().mean().backward()
    assert logits.shape == (2, 3, 8, 24) and bool(torch.isfinite(logits).all())


@pytest.mark.parametrize("name", NAMES)
def test_a_case_alone_reads_as_in_a_batch(name: str) -> None:
    network, image, there = small(name).eval(), images(batch=3), flags("110", "111", "001")
    together = network(image, there)
    for case in range(3):
        assert torch.allclose(network(image[case : case + 1], there[case : case + 1])[0], together[case], atol=1e-5)


@pytest.mark.parametrize("name", NAMES)
def test_needs_no_bytes_to_tell_its_shape(name: str) -> None:
    with torch.device("meta"):
        network = build(name, {"spatial_dims": 2, "in_channels": 2, "out_channels": 2, **SMALL})
        assert network(torch.empty((2, 2, 8, 8))).shape == (2, 2, 8, 8)


@pytest.mark.parametrize("name", NAMES)
def test_wrong_sizes_and_arguments_are_named(name: str) -> None:
    assert minimum_multiple(name, {}) == 8 and minimum_multiple(name, {"channels": [2, 4]}) == 2
    with pytest.raises(ModelError, match=r"an input of 32 × 33 .* multiple of 4; correct the patch"):
        small(name)(torch.zeros((1, 3, 32, 33)))
    given = json.loads(json.dumps({"spatial_dims": 2, "in_channels": 2, "out_channels": 2, **SMALL}))
    wrongs: list[dict[str, Any]] = [
        {"in_channels": 1},
        {"in_channels": 17},
        {"channels": [4]},
        {"norm": "group"},
        {"out_channels": 0},
        {"width": 3},
    ]
    for wrong in wrongs:
        with pytest.raises(ModelError, match=rf"{next(iter(wrong))}.*correct network\.arguments"):
            build(name, given | wrong)


@pytest.mark.parametrize(
    "wrong", [{"gate": "pixel"}, {"heads": 3}, {"heads": True}, {"tokens": 0}, {"attention_levels": 4}, {"attention_levels": 0}]
)
def test_wrong_arguments_of_attention_are_named(wrong: dict[str, Any]) -> None:
    with pytest.raises(ModelError, match=f"{next(iter(wrong))}.*correct network"):
        small("attention-fusion", **wrong)


def test_one_name_one_class() -> None:
    assert len({type(small(name)) for name in NAMES}) == 4 and all(isinstance(small(name), FusionNetwork) for name in NAMES)

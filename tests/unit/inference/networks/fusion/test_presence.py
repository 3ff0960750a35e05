"""An absent modality: its content has no influence, its absence has, and what is wrong is named."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import Tensor

from inference.networks.fusion import blank
from storage.base.errors import ModelError
from tests.unit.inference.networks.fusion.examples import NAMES, flags, images, reordered, small

KINDS: list[tuple[str, dict[str, Any]]] = [(name, {}) for name in NAMES] + [
    ("gated-fusion", {"gate": "channel"}),
    ("attention-fusion", {"tokens": 5}),
]
CONTENTS = [0.0, 1e30, float("inf"), float("nan")]


@pytest.mark.parametrize(("name", "given"), KINDS)
@pytest.mark.parametrize("training", [False, True])
def test_the_content_of_an_absent_modality_has_no_influence(name: str, given: dict[str, Any], training: bool) -> None:
    there = flags("101", "011", "100", "110")
    before = images(batch=4)
    results, gradients = [], []
    for content in CONTENTS:
        network = small(name, **given).train(training)
        other = torch.where(there[:, :, None, None], before, content).requires_grad_()
        results.append(network(other, there))
        results[-1].square().sum().backward()
        assert other.grad is not None and not bool(other.grad[~there].any()) and bool(other.grad[there].any())
        gradients.append([value.grad for value in network.parameters()])
    assert bool(torch.isfinite(results[0]).all())
    for result, gradient in zip(results[1:], gradients[1:], strict=True):
        assert torch.equal(result, results[0])
        assert all(torch.equal(a, b) for a, b in zip(gradient, gradients[0], strict=True) if a is not None and b is not None)


@pytest.mark.parametrize(("name", "given"), KINDS)
def test_each_present_modality_counts(name: str, given: dict[str, Any]) -> None:
    network, image = small(name, **given).eval(), images(batch=1)
    everything = network(image)
    assert torch.equal(network(image, flags("111")), everything)
    for modality, without in enumerate(("011", "101", "110")):
        other = image.clone()
        other[:, modality] += 1
        assert not torch.equal(network(other), everything) and not torch.equal(network(image, flags(without)), everything)


@pytest.mark.parametrize("name", NAMES)
def test_absent_is_not_the_same_as_dark(name: str) -> None:
    network, image = small(name).eval(), images(batch=1)
    dark = blank(image, flags("101"))
    assert torch.equal(dark[:, 1], torch.zeros_like(dark[:, 1])) and torch.equal(dark[:, 0], image[:, 0])
    assert not torch.equal(network(dark), network(dark, flags("101")))


@pytest.mark.parametrize("name", ["gated-fusion", "attention-fusion", "late-fusion"])
def test_normalisation_learns_of_real_images_alone(name: str) -> None:
    """The running mean of an encoder's first layer is that of the cases that have the modality."""
    some, alone = small(name).train(), small(name).train()
    image = images(batch=4)
    some(image, flags("110", "101", "110", "101"))
    alone(image[[0, 2]], flags("110", "110"))
    key = "down.0.1.0.1.running_mean"
    assert torch.allclose(some.get_buffer(key), alone.get_buffer(key), atol=1e-6)
    assert not torch.equal(some.get_buffer(key), small(name).get_buffer(key))


@pytest.mark.parametrize("name", ["gated-fusion", "attention-fusion", "late-fusion"])
def test_the_encoder_of_a_modality_that_no_case_has_is_not_run(name: str) -> None:
    network = small(name)
    network(images(), flags("101", "100")).sum().backward()
    parts = {key: value.grad is None for key, value in network.named_parameters() if key.startswith("down.")}
    assert {key for key, lacking in parts.items() if lacking} == {key for key in parts if key.split(".")[2] == "1"}


@pytest.mark.parametrize("name", ["gated-fusion", "attention-fusion", "late-fusion"])
@pytest.mark.parametrize(("order", "cases"), [((1, 0), ("11", "10", "01")), ((2, 0, 1), ("111", "101", "011"))])
def test_the_order_of_modalities_does_not_matter(name: str, order: tuple[int, ...], cases: tuple[str, ...]) -> None:
    count = len(order)
    network = small(name, in_channels=count).eval()
    other = reordered(network, small(name, in_channels=count, seed=9), order).eval()
    image, there = images(batch=3, count=count), flags(*cases)
    expected, found = network(image, there), other(image[:, list(order)], there[:, list(order)])
    assert torch.equal(found, expected) if count == 2 else torch.allclose(found, expected, atol=1e-5)


def _wrongs() -> list[tuple[Tensor, Tensor | None, str]]:
    return [
        (images(), flags("110", "000"), "case 1 of the batch has none of the 3 modalities; leave it out"),
        (images(count=2), None, "an input of 2 channels doesn't fit the network: it takes one for each of 3 modalities"),
        (images(), flags("110"), "the flags of presence are torch.bool of 1 × 3; they must be torch.bool of 2 × 3"),
        (images(), flags("110", "111").float(), "the flags of presence are torch.float32 of 2 × 3"),
    ]


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize(("image", "there", "message"), _wrongs())
def test_what_is_wrong_is_named(name: str, image: Tensor, there: Tensor | None, message: str) -> None:
    with pytest.raises(ModelError, match=message) as caught:
        small(name)(image, there)
    assert caught.value.reason_code == "network-invalid"

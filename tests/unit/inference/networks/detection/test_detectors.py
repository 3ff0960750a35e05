"""What holds for every detector, in two and three dimensions."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest
import torch

from inference.networks import build, minimum_multiple, names, stage_of, task_of
from inference.networks.detection import DETECTORS, MaskRCNN, Selection, build_detector
from inference.networks.registry import detector_names
from storage.base.errors import ModelError
from tests.unit.inference.networks.detection.examples import EACH, SMALL, arguments, small
from tests.unit.inference.networks.examples import picture

EVERY = Selection(score=0.0, most=5)


def test_the_examples_name_every_detector() -> None:
    assert set(SMALL) == set(DETECTORS)


@pytest.mark.parametrize(("name", "dims"), EACH)
def test_says_what_the_contract_says(name: str, dims: int) -> None:
    """At a batch of one and the smallest size, where the deepest map is one pixel."""
    network = small(name, dims).train()
    raw = network(picture(dims))
    count, classes = sum(raw.counts), 1 if "rcnn" in name else 2
    assert raw.size == (32,) * dims and raw.anchors.shape == (count, 2 * dims)
    assert raw.scores.shape == (1, count, classes) and raw.regressions.shape == raw.boxes.shape == (1, count, 2 * dims)
    assert (raw.quality is not None) == (name == "yolo") and len(raw.proposals) == (1 if "rcnn" in name else 0)
    assert bool((raw.boxes[..., dims:] > raw.boxes[..., :dims]).all())
    (found,) = network.eval().detect(raw, EVERY)
    assert 0 < len(found) <= 5 and found.boxes.shape == (len(found), 2 * dims)
    assert bool((found.boxes >= 0).all()) and bool((found.boxes <= 32).all())
    assert set(found.labels.tolist()) <= {1, 2} and not found.boxes.requires_grad
    assert found.scores.tolist() == sorted(found.scores.tolist(), reverse=True)
    if isinstance(network, MaskRCNN):
        assert found.masks is not None and found.masks.shape == (len(found), *[network.mask_size] * dims)
        assert bool(((found.masks > 0) & (found.masks < 1)).all())
    else:
        assert found.masks is None


@pytest.mark.parametrize(("name", "dims"), EACH)
def test_a_batch_is_its_images_and_nothing_found_is_fine(name: str, dims: int) -> None:
    network = small(name, dims).eval()
    images = picture(dims, batch=2)
    apart = [network.detect(images[n : n + 1], EVERY)[0] for n in (0, 1)]
    for alone, together in zip(apart, network.detect(images, EVERY), strict=True):
        assert torch.allclose(alone.boxes, together.boxes, atol=1e-3)
        assert torch.allclose(alone.scores, together.scores, atol=1e-5)
    for found in network.detect(images, Selection(score=0.999)):
        assert found.boxes.shape == (0, 2 * dims) and len(found.scores) == len(found.labels) == 0
        assert found.masks is None or found.masks.shape[0] == 0


@pytest.mark.parametrize("name", list(SMALL))
def test_small_stem_unequal_sides_and_fewer_levels(name: str) -> None:
    network = small(name, 2, stem="small", finest=2, in_channels=3, norm="instance").eval()
    assert network.strides == (4, 8, 16) and network.multiple({"stem": "small"}) == 16
    raw = network(torch.zeros((1, 3, 32, 48)))
    cells = [raw.counts[0] // (8 * 12), raw.counts[1] // (4 * 6), raw.counts[2] // (2 * 3)]
    assert len(set(cells)) == 1 and sum(raw.counts) == cells[0] * (96 + 24 + 6)
    with pytest.raises(ModelError, match=r"an input of 32 × 40 .* multiple of 16; correct the patch"):
        network(torch.zeros((1, 3, 32, 40)))


@pytest.mark.parametrize("name", list(SMALL))
def test_each_parameter_is_in_one_stage_and_classes_change_the_last(name: str) -> None:
    network, wider = small(name, 2), small(name, 2, out_channels=4)
    keys = [key for key, _ in network.named_parameters()]
    assert all(sum(key.startswith(stage) for stage in network.stages) == 1 for key in keys)
    assert {stage_of(network, key) for key in keys} == set(network.stages)
    changed = [key for key, value in wider.named_parameters() if value.shape != network.get_parameter(key).shape]
    assert changed and {stage_of(network, key) for key in changed} == {"head"}
    assert any(key.startswith("encoder.layer4") for key in keys), "the encoder has the classifier's names"


@pytest.mark.parametrize("name", list(SMALL))
def test_same_seed_same_boxes(name: str) -> None:
    first, second = (small(name, 2, seed=3).eval().detect(picture(2, size=64), EVERY)[0] for _ in range(2))
    assert torch.equal(first.boxes, second.boxes) and torch.equal(first.scores, second.scores)


@pytest.mark.parametrize("name", list(SMALL))
def test_runs_in_brain_float_and_channels_last(name: str) -> None:
    network = small(name, 2).eval()
    plain = network(picture(2, size=64))
    with torch.autocast("cpu", torch.bfloat16):
        raw = network(picture(2, size=64))
        assert raw.boxes.dtype == torch.float32 and len(network.detect(raw, EVERY)[0])
    network.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    last = network(picture(2, size=64).to(memory_format=torch.channels_last))
    assert torch.allclose(last.scores, plain.scores, atol=1e-4) and torch.allclose(last.boxes, plain.boxes, atol=1e-2)


@pytest.mark.parametrize("suppression", ["hard", "linear", "gaussian"])
def test_suppression_is_what_was_asked_for(suppression: Any) -> None:
    """Two boxes that overlap by 0.6, said by hand in place of the network's."""
    network = small("retinanet", 2).eval()
    raw = network(picture(2))
    scores, boxes = torch.full_like(raw.scores, -20.0), raw.boxes.clone()
    boxes[0, 0], boxes[0, 1] = torch.tensor([0.0, 0.0, 10.0, 8.0]), torch.tensor([0.0, 2.0, 10.0, 10.0])
    scores[0, 0, 1], scores[0, 1, 1] = 2.0, 1.0
    (found,) = network.detect(replace(raw, scores=scores, boxes=boxes), Selection(suppression=suppression))
    first, second = torch.sigmoid(torch.tensor([2.0, 1.0])).tolist()
    kept = {"hard": [], "linear": [second * 0.4], "gaussian": [second * 2.718281828 ** (-0.36 / 0.5)]}[suppression]
    assert found.scores.tolist() == pytest.approx([first, *kept]) and set(found.labels.tolist()) == {2}


def test_values_that_are_not_numbers_are_refused() -> None:
    network = small("yolo", 2).eval()
    raw = network(picture(2))
    raw.scores[0, 3, 1] = torch.nan
    with pytest.raises(ModelError, match="not numbers on this input") as caught:
        network.detect(raw)
    assert caught.value.reason_code == "output-invalid"


@pytest.mark.parametrize(
    "wrong",
    [{"out_channels": 1}, {"stem": "tiny"}, {"finest": 5}, {"pyramid": 0}, {"nothing": 1}, {"depth": 12}, {"convs": 99}],
)
def test_wrong_arguments_are_a_model_error(wrong: dict[str, Any]) -> None:
    with pytest.raises(ModelError, match=r"correct network\.arguments"):
        build_detector("yolo", arguments("yolo", 2, **wrong))
    with pytest.raises(ModelError, match="'ssd' is unknown; use one of: faster-rcnn"):
        build_detector("ssd", {})


def test_arguments_come_from_json() -> None:
    given = json.loads(json.dumps(arguments("retinanet", 3, ratios=[[1, 1, 1], [1, 1, 2]], scales=[1, 1.5])))
    assert isinstance(build_detector("retinanet", given), DETECTORS["retinanet"])
    assert build_detector("retinanet", given).get_buffer("sides").shape == (4, 3)


def test_the_registry_knows_every_detector() -> None:
    assert detector_names() == tuple(sorted(DETECTORS)) and not set(DETECTORS) & set(names())
    for name, kind in DETECTORS.items():
        assert (task_of(name), type(build(name, arguments(name, 2)))) == ("detection", kind)
        assert minimum_multiple(name, {}) == 32 and minimum_multiple(name, {"stem": "small"}) == 16

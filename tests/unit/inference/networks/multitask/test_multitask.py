"""The network of several tasks: its heads, its stages, and what holds for every other network."""

from __future__ import annotations

import json
from typing import Any

import pytest
import torch

from inference.networks import build, stage_of
from inference.networks.detection import Raw, Selection, Yolo
from inference.networks.multitask import MultiTask
from storage.base.errors import ModelError
from tests.unit.inference.networks.examples import picture

BOTH = {"segmentation": 3, "classification": 4}
ALL = {**BOTH, "detection": 2}


def small(dims: int = 2, *, seed: int = 0, **more: Any) -> MultiTask:
    torch.manual_seed(seed)
    return MultiTask(**{"spatial_dims": dims, "in_channels": 1, "heads": BOTH, "depth": 10, "width": 4, **more})


@pytest.mark.parametrize(("dims", "stem"), [(2, "large"), (2, "small"), (3, "large")])
def test_each_head_answers_and_teaches_the_encoder(dims: int, stem: str) -> None:
    network, image = small(dims, stem=stem), picture(dims, size=16)
    outputs = network(image)
    assert outputs.segmentation.shape == (1, 3, *image.shape[2:]) and outputs.classification.shape == (1, 4)
    assert list(outputs.by_task()) == ["segmentation", "classification"]
    for output in outputs.by_task().values():
        network.zero_grad()
        output.square().mean().backward(retain_graph=True)
        first = network.get_parameter("encoder.conv1.weight").grad
        assert first is not None and bool(first.any())
    sum(output.square().mean() for output in outputs.by_task().values()).backward()
    assert not [key for key, value in network.named_parameters() if value.grad is None]


@pytest.mark.parametrize(("dims", "stem"), [(2, "large"), (2, "small"), (3, "large")])
def test_the_box_head_says_what_a_detector_says(dims: int, stem: str) -> None:
    network, image = small(dims, stem=stem, heads=ALL, boxes={"pyramid": 8, "finest": 2}), picture(dims, size=32)
    raw = network(image).detection
    assert raw.size == (32,) * dims and raw.boxes.shape == (1, sum(raw.counts), 2 * dims) and raw.scores.shape[2] == 1
    cells = [(32 // stride) ** dims for stride in ((8, 16, 32) if stem == "large" else (2, 4, 8))]
    assert list(raw.counts) == cells
    (raw.scores.square().mean() + raw.regressions.square().mean() + raw.quality.square().mean()).backward()
    unused = {key.split(".")[0] for key, value in network.named_parameters() if value.grad is None}
    assert unused == {"decoder", "heads"} and network.get_parameter("encoder.conv1.weight").grad is not None
    (found,) = network.eval().detect(network(image).detection, Selection(score=0.0, most=5))
    assert len(found) == 5 and bool((found.boxes >= 0).all()) and bool((found.boxes <= 32).all())
    raw.boxes.detach()[0, 0, 0] = torch.nan
    with pytest.raises(ModelError, match="not numbers"):
        network.detect(raw)


def test_the_box_head_is_that_of_yolo() -> None:
    network = small(heads={"detection": 3}, boxes={"pyramid": 8, "finest": 1, "convs": 1}).eval()
    yolo = Yolo(spatial_dims=2, in_channels=1, out_channels=3, depth=10, width=4, pyramid=8, convs=1).eval()
    yolo.load_state_dict({key.replace("heads.detection", "head"): value for key, value in network.state_dict().items()})
    ours, theirs = network(picture(2, size=64)).detection, yolo(picture(2, size=64))
    assert isinstance(ours, Raw) and torch.equal(ours.boxes, theirs.boxes) and torch.equal(ours.scores, theirs.scores)
    assert torch.equal(network.detect(ours, Selection(score=0.0))[0].scores, yolo.detect(theirs, Selection(score=0.0))[0].scores)


def test_sizes_that_boxes_need_are_told() -> None:
    assert MultiTask.multiple({"heads": BOTH}) == 1
    assert MultiTask.multiple({"heads": ALL}) == 32 and MultiTask.multiple({"heads": ALL, "stem": "small"}) == 8
    with pytest.raises(ModelError, match=r"16 × 16 .* multiple of 32"):
        small(heads=ALL)(picture(2, size=16))


@pytest.mark.parametrize("boxes", [{"pyramids": 8}, {"finest": 5}, {"anchor": 0}, {"anchor": "4"}, {"convs": True}, [], 3])
def test_wrong_boxes_are_named(boxes: Any) -> None:
    with pytest.raises(ValueError, match="boxes"):
        small(heads=ALL, boxes=boxes)
    with pytest.raises(ValueError, match="boxes"):
        small(boxes={})


@pytest.mark.parametrize("head", ["segmentation", "classification"])
def test_only_the_heads_asked_for_are_built(head: str) -> None:
    network = small(heads={head: 2}).eval()
    assert list(network(picture(2)).by_task()) == [head] and list(network.heads) == [head]
    assert ("decoder" in network.stages) == (head == "segmentation")
    with pytest.raises(AttributeError):
        network(picture(2)).segmentation = None


def test_the_encoder_is_that_of_resnet() -> None:
    network = small(heads={"classification": 4}).eval()
    resnet = build("resnet", {"spatial_dims": 2, "in_channels": 1, "out_channels": 4, "depth": 10, "width": 4}).eval()
    state = {key.replace("heads.classification", "head"): value for key, value in network.state_dict().items()}
    resnet.load_state_dict(state)
    assert torch.equal(resnet(picture(2)), network(picture(2)).classification)


def test_with_masks_alone_it_is_resunet() -> None:
    network = small(heads={"segmentation": 3}).eval()
    resunet = build("resunet", {"spatial_dims": 2, "in_channels": 1, "out_channels": 3, "depth": 10, "width": 4}).eval()
    resunet.load_state_dict({key.replace("heads.segmentation", "head"): value for key, value in network.state_dict().items()})
    assert torch.equal(resunet(picture(2)), network(picture(2)).segmentation)


@pytest.mark.parametrize("dims", [2, 3])
def test_each_parameter_is_in_one_stage_and_the_last_has_the_heads(dims: int) -> None:
    network, wider = small(dims, heads=ALL), small(dims, heads={"segmentation": 5, "classification": 6, "detection": 4})
    keys = [key for key, _ in network.named_parameters()]
    assert all(sum(key.startswith(stage) for stage in network.stages) == 1 for key in keys)
    assert {stage_of(network, key) for key in network.state_dict()} == set(network.stages)
    changed = [key for key, value in wider.named_parameters() if value.shape != network.get_parameter(key).shape]
    assert changed and {stage_of(network, key) for key in changed} == {"heads"} == {network.stages[-1]}


@pytest.mark.parametrize("dims", [2, 3])
def test_repeats_and_takes_any_size_and_layout(dims: int) -> None:
    image = torch.cat([picture(dims, batch=2, size=19, seed=seed) for seed in (1, 2)], dim=-1)
    gradients = []
    for _ in range(2):
        network = small(dims, seed=3)
        sum(output.square().mean() for output in network(image).by_task().values()).backward()
        gradients.append([value.grad for value in network.parameters()])
    assert all(torch.equal(a, b) for a, b in zip(*gradients, strict=True))
    network.eval()
    expected = network(image).by_task()
    layout = torch.channels_last if dims == 2 else torch.channels_last_3d
    network.to(memory_format=layout)  # type: ignore[call-overload]
    for task, output in network(image.to(memory_format=layout)).by_task().items():
        assert torch.allclose(output, expected[task], atol=1e-4), task


@pytest.mark.parametrize("heads", [{}, {"boxes": 2}, {"segmentation": 1}, {"classification": True}, ["segmentation"], None, 3])
def test_wrong_heads_are_named(heads: Any) -> None:
    with pytest.raises(ValueError, match="heads"):
        small(heads=json.loads(json.dumps(heads)))


@pytest.mark.parametrize("wrong", [{"depth": 11}, {"width": 0}, {"stem": "tiny"}, {"dropout": 1}, {"norm": "group"}])
def test_wrong_arguments_are_named(wrong: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=next(iter(wrong))):
        small(**wrong)

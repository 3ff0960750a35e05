"""The loss of each detector: what a perfect answer costs, images without objects, and repeatable choices."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch
from torch import Tensor

from inference.networks.detection import DETECTORS, Detector, Raw
from inference.networks.detection.geometry.coding import encode_deltas
from inference.networks.detection.geometry.matching import BACKGROUND, atss
from storage.base.errors import InputError
from tests.unit.inference.networks.detection.examples import EACH, SMALL, small
from tests.unit.training.losses.detection.scenes import scenes
from training.losses.detection import Targets, detection_losses
from training.losses.detection.sampling import balanced

FIRST = {"proposal_object", "proposal_box"}
TERMS = {
    "yolo": {"object", "class", "box"},
    "retinanet": {"class", "box"},
    "faster-rcnn": {*FIRST, "class", "box"},
    "mask-rcnn": {*FIRST, "class", "box", "mask"},
}


def _seeded(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def _nothing(dims: int) -> Targets:
    none = torch.zeros((0, 2 * dims))
    return Targets(none, torch.zeros(0, dtype=torch.int64), torch.zeros((0, *[32] * dims), dtype=torch.bool))


def _gradients(network: Detector) -> dict[str, Tensor]:
    return {key: value.grad for key, value in network.named_parameters() if value.grad is not None}


@pytest.mark.parametrize(("name", "dims"), EACH)
@pytest.mark.parametrize("kind", ["objects", "one empty", "all empty"])
def test_terms_and_gradients_are_finite_and_reach_every_parameter(name: str, dims: int, kind: str) -> None:
    images, targets = scenes(2, dims, 32, seed=1)
    if kind != "objects":
        targets = [_nothing(dims), targets[1] if kind == "one empty" else _nothing(dims)]
    network = small(name, dims).train()
    terms = detection_losses(network, network(images), targets, _seeded())
    assert set(terms) == TERMS[name]
    torch.stack(list(terms.values())).sum().backward()
    gradients = _gradients(network)
    assert set(gradients) == {key for key, _ in network.named_parameters()}
    assert all(bool(torch.isfinite(each).all()) for each in (*terms.values(), *gradients.values()))
    if kind == "all empty":
        assert float(terms["box"].detach()) == 0.0


@pytest.mark.parametrize("name", list(DETECTORS))
def test_the_same_seed_gives_the_same_loss_and_gradients(name: str) -> None:
    images, targets = scenes(2, 2, 32, seed=2)
    runs = []
    for _ in range(2):
        network = small(name, 2, proposals=60) if "rcnn" in name else small(name, 2)
        terms = detection_losses(network.train(), network(images), targets, _seeded(5))
        torch.stack(list(terms.values())).sum().backward()
        runs.append((terms, _gradients(network)))
    for key, value in runs[0][0].items():
        assert torch.equal(value, runs[1][0][key])
    for key, value in runs[0][1].items():
        assert torch.equal(value, runs[1][1][key]), key


def _perfect(name: str, raw: Raw, targets: Targets) -> Raw:
    """What a one-stage detector would say if it knew the truth."""
    network = small(name, 2)
    matches = atss(targets.boxes, raw.anchors, raw.counts, network.per_place)  # type: ignore[arg-type]
    there = torch.nonzero(matches >= 0).flatten()
    scores, boxes, deltas = torch.full_like(raw.scores, -30.0), raw.boxes.clone(), raw.regressions.clone()
    scores[0, there, targets.labels[matches[there]] - 1] = 30.0
    boxes[0, there] = targets.boxes[matches[there]]
    deltas[0, there] = encode_deltas(targets.boxes[matches[there]], raw.anchors[there])
    quality = torch.where(matches >= 0, 30.0, -30.0)[None]
    return replace(raw, scores=scores, boxes=boxes, regressions=deltas, quality=quality if name == "yolo" else None)


@pytest.mark.parametrize("name", ["retinanet", "yolo"])
def test_the_truth_costs_nothing_and_is_decoded_to_itself(name: str) -> None:
    images, targets = scenes(1, 2, 64, seed=3)
    network = small(name, 2).eval()
    with torch.no_grad():
        raw = _perfect(name, network(images), targets[0])
    terms = detection_losses(network, raw, targets, _seeded())
    assert all(float(value.detach()) < 1e-5 for value in terms.values()), terms
    (found,) = network.detect(raw)
    order = found.boxes[:, 0].argsort()
    wanted = targets[0].boxes[:, 0].argsort()
    assert torch.equal(found.boxes[order], targets[0].boxes[wanted])
    assert found.labels[order].tolist() == targets[0].labels[wanted].tolist()


def test_choices_are_balanced_seeded_and_spare_the_ignored() -> None:
    matches = torch.tensor([0] * 40 + [BACKGROUND] * 100 + [-2] * 20)
    objects, background = balanced(matches, 32, 0.25, _seeded(1))
    assert len(objects) == 8 and len(background) == 24
    assert int(objects.max()) < 40 <= int(background.min()) and int(background.max()) < 140
    again = balanced(matches, 32, 0.25, _seeded(1))
    other = balanced(matches, 32, 0.25, _seeded(2))
    assert torch.equal(objects, again[0]) and not torch.equal(objects, other[0])
    few = balanced(matches[38:], 32, 0.25, _seeded())
    assert few[0].tolist() == [0, 1] and len(few[1]) == 30
    assert [len(each) for each in balanced(matches[:0], 32, 0.25, _seeded())] == [0, 0]


@pytest.mark.parametrize(
    ("boxes", "labels", "says"),
    [
        ([[1.0, 1.0, 5.0, 5.0]], [3], "image 0 of the batch: a label isn't from 1 to 2; correct the data"),
        ([[1.0, 1.0, 5.0, 5.0]], [0], "a label isn't from 1 to 2"),
        ([[1.0, 5.0, 5.0, 5.0]], [1], "no extent or isn't finite; leave it out"),
        ([[1.0, 1.0, 5.0, float("inf")]], [1], "no extent or isn't finite"),
        ([[1.0, 1.0, 5.0, 5.0]], [1, 2], r"boxes \(1, 4\) and labels \(2,\), not \(n, 4\)"),
        ([[1.0, 1.0, 1.0, 5.0, 5.0, 5.0]], [1], r"boxes \(1, 6\)"),
    ],
)
def test_targets_that_do_not_fit_are_named(boxes: list[list[float]], labels: list[int], says: str) -> None:
    network = small("retinanet", 2)
    raw = network(torch.zeros((1, 1, 32, 32)))
    wrong = Targets(torch.tensor(boxes), torch.tensor(labels))
    with pytest.raises(InputError, match=says) as caught:
        detection_losses(network, raw, [wrong], _seeded())
    assert caught.value.reason_code == "targets-invalid"


def test_masks_and_every_image_are_needed() -> None:
    network = small("mask-rcnn", 2)
    raw = network(torch.zeros((1, 1, 32, 32)))
    box = Targets(torch.tensor([[1.0, 1.0, 5.0, 5.0]]), torch.tensor([1]))
    with pytest.raises(InputError, match=r"masks None, not \(1, 32, 32\)"):
        detection_losses(network, raw, [box], _seeded())
    with pytest.raises(InputError, match="targets of 2 images for a batch of 1"):
        detection_losses(network, raw, [box, box], _seeded())


def test_every_detector_has_a_loss() -> None:
    assert set(TERMS) == set(SMALL) == set(DETECTORS)

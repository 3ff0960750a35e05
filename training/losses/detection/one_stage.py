"""The losses of detectors of one stage. Sums over the batch are divided by its number of matched places, at least 1."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from inference.networks.detection.geometry.boxes import iou
from inference.networks.detection.geometry.coding import encode_deltas
from inference.networks.detection.geometry.matching import atss
from inference.networks.detection.records import Raw
from training.losses.detection.targets import Targets
from training.losses.detection.terms import binary_cross_entropy, giou_loss, sigmoid_focal_loss, smooth_l1_loss

Terms = dict[str, Tensor]

BOX_WEIGHT = 2.0
"""Of the boxes' GIoU loss beside the others, as in ATSS's code."""


def retinanet_losses(raw: Raw, targets: Sequence[Targets], per_place: int, classes: int) -> Terms:
    """``class``: focal loss over all anchors; ``box``: smooth L1 loss of the matched ones' deltas (Lin et al. 2017)."""
    matches, places, (boxes, _) = _matched(raw, targets, per_place)
    truth = _one_hot(matches, targets, classes, raw.scores)
    count = max(1, len(boxes))
    deltas = raw.regressions[places]
    goal = encode_deltas(boxes, raw.anchors[places[1]])
    return {
        "class": sigmoid_focal_loss(raw.scores, truth).sum() / count,
        "box": smooth_l1_loss(deltas, goal).sum() / count,
    }


def yolo_losses(raw: Raw, targets: Sequence[Targets], per_place: int, classes: int) -> Terms:
    """The terms of YOLOX (Ge et al. 2021, section 2.1) with GIoU.

    ``object``: cross-entropy of every place's objectness, whose truth is the IoU of the place's own box with its object, 0
    without one; ``class`` and ``box`` (GIoU, times `BOX_WEIGHT`): of the matched places.
    """
    assert raw.quality is not None
    _, places, (boxes, labels) = _matched(raw, targets, per_place)
    guess = raw.boxes[places]
    fit = torch.zeros(raw.quality.shape, device=raw.boxes.device)
    fit[places] = iou(guess, boxes).detach()
    truth = labels[:, None] == torch.arange(1, classes + 1, device=labels.device)
    count = max(1, len(boxes))
    return {
        "object": binary_cross_entropy(raw.quality, fit).sum() / count,
        "class": binary_cross_entropy(raw.scores[places], truth).sum() / count,
        "box": BOX_WEIGHT * giou_loss(guess, boxes).sum() / count,
    }


def _matched(
    raw: Raw, targets: Sequence[Targets], per_place: int
) -> tuple[list[Tensor], tuple[Tensor, Tensor], tuple[Tensor, Tensor]]:
    """Matches of each image; the image and the place of each matched anchor; its object's box and label."""
    matches = [atss(each.boxes, raw.anchors, raw.counts, per_place) for each in targets]
    places = [torch.nonzero(each >= 0).flatten() for each in matches]
    images = [torch.full_like(each, index) for index, each in enumerate(places)]
    owners = [each[place] for each, place in zip(matches, places, strict=True)]
    boxes = [each.boxes[owner].to(raw.boxes.dtype) for each, owner in zip(targets, owners, strict=True)]
    labels = [each.labels[owner] for each, owner in zip(targets, owners, strict=True)]
    return matches, (torch.cat(images), torch.cat(places)), (torch.cat(boxes), torch.cat(labels))


def _one_hot(matches: Sequence[Tensor], targets: Sequence[Targets], classes: int, like: Tensor) -> Tensor:
    """1 at the label of each matched anchor: (N, P, classes)."""
    labels = torch.zeros(like.shape[:2], dtype=torch.int64, device=like.device)
    for index, (match, each) in enumerate(zip(matches, targets, strict=True)):
        there = match >= 0
        labels[index, there] = each.labels[match[there]]
    return labels[..., None] == torch.arange(1, classes + 1, device=like.device)

"""The losses of Faster R-CNN and Mask R-CNN (Ren et al. 2015, equation 1; He et al. 2017, section 3)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Generator, Tensor
from torch.nn import functional

from inference.networks.detection.faster_rcnn import DELTA_WEIGHTS, FasterRCNN
from inference.networks.detection.geometry.coding import encode_deltas
from inference.networks.detection.geometry.matching import iou_match
from inference.networks.detection.geometry.paste import cut
from inference.networks.detection.mask_rcnn import MaskRCNN
from inference.networks.detection.records import Raw
from training.losses.detection.sampling import balanced
from training.losses.detection.targets import Targets
from training.losses.detection.terms import binary_cross_entropy, smooth_l1_loss

Terms = dict[str, Tensor]

ANCHORS, ANCHOR_SHARE = 256, 0.5
REGIONS, REGION_SHARE = 64, 0.25
"""How many of an image a step learns from, and the share of them that may be objects. Regions as in Fast R-CNN."""


@dataclass(frozen=True)
class _Regions:
    """The chosen regions of one image, those of objects first, and which object each of these is."""

    boxes: Tensor
    owners: Tensor


def proposal_losses(raw: Raw, targets: Sequence[Targets], generator: Generator) -> Terms:
    """``proposal_object`` and ``proposal_box``: of the first stage, over the anchors chosen, divided by their number."""
    scores, truth, deltas, goals = [], [], [], []
    for index, each in enumerate(targets):
        matches = iou_match(each.boxes, raw.anchors)
        objects, background = balanced(matches, ANCHORS, ANCHOR_SHARE, generator)
        scores.append(raw.scores[index, torch.cat([objects, background]), 0])
        truth.append(torch.cat([torch.ones_like(objects), torch.zeros_like(background)]))
        deltas.append(raw.regressions[index, objects])
        goals.append(encode_deltas(each.boxes[matches[objects]].float(), raw.anchors[objects]))
    together = torch.cat(scores)
    count = max(1, len(together))
    return {
        "proposal_object": binary_cross_entropy(together, torch.cat(truth)).sum() / count,
        "proposal_box": smooth_l1_loss(torch.cat(deltas), torch.cat(goals)).sum() / count,
    }


def faster_rcnn_losses(network: FasterRCNN, raw: Raw, targets: Sequence[Targets], generator: Generator) -> Terms:
    """The first stage's terms, and ``class`` and ``box`` over the regions chosen, divided by their number."""
    first = proposal_losses(raw, targets, generator)
    return first | _region_losses(network, raw, targets, _choose(raw, targets, generator))


def mask_rcnn_losses(network: MaskRCNN, raw: Raw, targets: Sequence[Targets], generator: Generator) -> Terms:
    """Those of `faster_rcnn_losses`, and ``mask``: mean cross-entropy of the regions of objects, in their own label's map."""
    first = proposal_losses(raw, targets, generator)
    chosen = _choose(raw, targets, generator)
    return first | _region_losses(network, raw, targets, chosen) | _mask_loss(network, raw, targets, chosen)


def _choose(raw: Raw, targets: Sequence[Targets], generator: Generator) -> list[_Regions]:
    """Regions of each image out of its proposals and its objects' own boxes, without which a fresh network would see none."""
    chosen = []
    for proposals, each in zip(raw.proposals, targets, strict=True):
        candidates = torch.cat([proposals, each.boxes.to(proposals.dtype)])
        matches = iou_match(each.boxes, candidates, high=0.5, low=0.5, each=False)
        objects, background = balanced(matches, REGIONS, REGION_SHARE, generator)
        chosen.append(_Regions(candidates[torch.cat([objects, background])], matches[objects]))
    return chosen


def _region_losses(network: FasterRCNN, raw: Raw, targets: Sequence[Targets], chosen: Sequence[_Regions]) -> Terms:
    logits, deltas = network.regions(raw, [each.boxes for each in chosen])
    counts = [len(each.boxes) for each in chosen]
    labels, box_terms = [], []
    for each, truth, part in zip(chosen, targets, deltas.split(counts), strict=True):
        own = truth.labels[each.owners]
        count = len(own)
        labels.append(functional.pad(own, (0, len(each.boxes) - count)))
        goals = encode_deltas(truth.boxes[each.owners].float(), each.boxes[:count], DELTA_WEIGHTS)
        guess = part[torch.arange(count, device=own.device), own - 1]
        box_terms.append(smooth_l1_loss(guess, goals))
    total = max(1, len(logits))
    entropy = -torch.log_softmax(logits.float(), dim=1).gather(1, torch.cat(labels)[:, None])
    return {"class": entropy.sum() / total, "box": torch.cat(box_terms).sum() / total}


def _mask_loss(network: MaskRCNN, raw: Raw, targets: Sequence[Targets], chosen: Sequence[_Regions]) -> Terms:
    boxes = [each.boxes[: len(each.owners)] for each in chosen]
    logits = network.region_masks(raw, boxes)
    truth, labels = [], []
    for each, own, box in zip(chosen, targets, boxes, strict=True):
        assert own.masks is not None
        truth.append(cut(own.masks[each.owners], box, network.mask_size))
        labels.append(own.labels[each.owners])
    label = torch.cat(labels)
    guess = logits[torch.arange(len(label), device=label.device), label - 1]
    return {"mask": binary_cross_entropy(guess, torch.cat(truth)).sum() / max(1, guess.numel())}

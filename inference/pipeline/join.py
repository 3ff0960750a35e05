"""Boxes that several looks at one image found, made one list: looks at its windows, and looks of several networks or mirrors.

Windows see different parts, so a box that only one of them found counts as it is. Mirrored passes and members of an ensemble see
the same, so the score of a box is its mean over all of them, and one that a look didn't find counts as 0 there. Every order is
that of the scores, then of the looks, then of the boxes within one: the result doesn't depend on chance.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from inference.networks.detection import Detections
from inference.networks.detection.geometry.boxes import area, intersection, iou

MOST_JOINED = 20_000
"""Boxes of all looks together that are compared, those of the highest scores."""


def join_windows(found: Sequence[Detections], cut: Sequence[Tensor], overlap: float, most: int) -> Detections:
    """One list of what windows of one image found.

    Parameters
    ----------
    found : boxes of each window, in pixels of the whole image.
    cut : of each window bool (n,), whether a box ends at a face of the window that isn't one of the image: it may go on there.
    overlap : IoU above which a box yields to one of another window and the same label. Boxes that are cut yield to whole ones
        whatever their scores, and also where this share of their own area lies in another box.
    most : how many boxes are kept, the surest.
    """
    if len(found) == 1:
        return pick(found[0], torch.arange(len(found[0]))[:most])
    together, look = _together(found)
    ends = torch.cat(list(cut))
    chosen = torch.argsort(together.scores, descending=True, stable=True)[:MOST_JOINED]
    left = chosen[torch.argsort(ends[chosen].to(torch.int8), stable=True)]
    kept = []
    while len(left):
        best, left = left[0], left[1:]
        kept.append(best)
        other = (look[left] != look[best]) & (together.labels[left] == together.labels[best])
        covers = intersection(together.boxes[best], together.boxes[left]) / area(together.boxes[left]).clamp(min=1e-12)
        yields = (iou(together.boxes[best], together.boxes[left]) > overlap) | (ends[left] & (covers >= overlap))
        left = left[~(other & yields)]
    stays = torch.stack(kept) if kept else chosen[:0]
    return pick(together, stays[torch.argsort(together.scores[stays], descending=True, stable=True)][:most])


def agree(found: Sequence[Detections], overlap: float, least: float, most: int) -> Detections:
    """One list of what several looks at the same image found.

    Parameters
    ----------
    found : boxes of each look, in pixels of the image.
    overlap : IoU above which boxes of two looks and one label are the same object; the surest of them stands for it.
    least : objects whose mean score is below it go. most : how many are kept.
    """
    if len(found) == 1:
        return pick(found[0], torch.arange(len(found[0]))[:most])
    together, look = _together(found)
    left = torch.argsort(together.scores, descending=True, stable=True)[:MOST_JOINED]
    kept, means = [], []
    while len(left):
        best, left = left[0], left[1:]
        same = (look[left] != look[best]) & (together.labels[left] == together.labels[best])
        same &= iou(together.boxes[best], together.boxes[left]) > overlap
        others = _best_of_each(look[left[same]], together.scores[left[same]], len(found))
        kept.append(best)
        means.append((together.scores[best] + others) / len(found))
        left = left[~same]
    if not kept:
        return pick(together, left)
    scores = torch.stack(means)
    order = torch.argsort(scores, descending=True, stable=True)
    order = order[scores[order] >= least][:most]
    stands = pick(together, torch.stack(kept)[order])
    return Detections(stands.boxes, scores[order], stands.labels, stands.masks)


def pick(found: Detections, chosen: Tensor) -> Detections:
    """The detections of these indices, in their order."""
    masks = None if found.masks is None else found.masks[chosen]
    return Detections(found.boxes[chosen], found.scores[chosen], found.labels[chosen], masks)


def _together(found: Sequence[Detections]) -> tuple[Detections, Tensor]:
    """All of them, and int64 (n,) which look each comes from."""
    look = torch.cat([torch.full((len(each),), number) for number, each in enumerate(found)])
    masks = [each.masks for each in found if each.masks is not None]
    boxes, scores = torch.cat([each.boxes for each in found]), torch.cat([each.scores for each in found])
    return Detections(boxes, scores, torch.cat([each.labels for each in found]), torch.cat(masks) if masks else None), look


def _best_of_each(look: Tensor, scores: Tensor, count: int) -> Tensor:
    """The sum over looks of each one's highest score; 0 for a look that has none."""
    return torch.zeros(count).scatter_reduce(0, look, scores, reduce="amax").sum()

"""Which anchor learns which object. Both matchers yield for each anchor the object's index, `BACKGROUND` or `IGNORED`."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from inference.networks.detection.geometry.boxes import centres_and_sizes, corners, iou_matrix

BACKGROUND = -1
IGNORED = -2

INSIDE = 0.01
"""Pixels that the middle of an anchor must at least lie within its object."""


def atss(
    boxes: Tensor, anchors: Tensor, counts: Sequence[int], per_place: int = 1, candidates: int = 9, rescue: bool = True
) -> Tensor:
    """Adaptive training sample selection (Zhang et al. 2020, arXiv:1912.02424, algorithm 1).

    Of each object, the ``candidates`` nearest places of every level are looked at; those become its anchors whose IoU is at least
    the mean plus one standard deviation of the IoU of all of these and whose middle lies inside the object. An anchor that
    several objects want goes to the one with the highest IoU.

    Parameters
    ----------
    boxes : (n, 2 d) the objects. anchors : (P, 2 d), level after level.
    counts : anchors of each level. per_place : how many of them share a middle.
    rescue : an object that is left without an anchor, as those smaller than a cell are, gets the candidate with the highest IoU
        (of equal ones the finest level's nearest) that no other object has. Not in the paper.

    Returns
    -------
    int64 (P,).
    """
    matches = torch.full((len(anchors),), BACKGROUND, dtype=torch.int64, device=anchors.device)
    if not len(boxes):
        return matches
    best = torch.full((len(anchors),), -torch.inf, device=anchors.device)
    kept = []
    for index, box in enumerate(boxes.to(anchors.dtype)):
        near = _nearest(box, anchors, counts, per_place * candidates)
        overlaps = iou_matrix(box[None], anchors[near])[0]
        spread = overlaps.std() if len(near) > 1 else overlaps.new_zeros(())
        chosen = (overlaps >= overlaps.mean() + spread) & _inside(anchors[near], box)
        better = chosen & (overlaps > best[near])
        best[near[better]], matches[near[better]] = overlaps[better], index
        kept.append((near, overlaps))
    if rescue:
        _rescue(matches, kept)
    return matches


def iou_match(boxes: Tensor, anchors: Tensor, high: float = 0.7, low: float = 0.3, each: bool = True) -> Tensor:
    """Match by IoU as region proposal networks do (Ren et al. 2015, section 3.1.2).

    Parameters
    ----------
    boxes : (n, 2 d) the objects. anchors : (P, 2 d).
    high : from this IoU an anchor belongs to its best object. low : below it, it is background; between the two it is ignored.
    each : an object's best anchors (all that tie) belong to it however low their IoU is, as long as they touch it.

    Returns
    -------
    int64 (P,).
    """
    if not len(boxes):
        return torch.full((len(anchors),), BACKGROUND, dtype=torch.int64, device=anchors.device)
    overlaps = iou_matrix(boxes.to(anchors.dtype), anchors)
    value, index = overlaps.max(dim=0)
    matches = torch.where(value >= high, index, torch.where(value < low, BACKGROUND, IGNORED))
    if each and len(anchors):
        top = overlaps.amax(dim=1, keepdim=True)
        ties = (overlaps == top) & (top > 0)
        wanted = ties.any(dim=0)
        # An anchor that is the best of two objects goes to the one it overlaps most.
        owner = torch.where(ties, overlaps, -1.0).argmax(dim=0)
        matches = torch.where(wanted & (matches < 0), owner, matches)
    return matches


def _nearest(box: Tensor, anchors: Tensor, counts: Sequence[int], most: int) -> Tensor:
    """Indices of the ``most`` anchors of each level whose middles are nearest to the box's; equal ones in their order."""
    centre = centres_and_sizes(box)[0]
    distance = (centres_and_sizes(anchors)[0] - centre).square().sum(dim=-1)
    near, start = [], 0
    for count in counts:
        order = torch.sort(distance[start : start + count], stable=True).indices
        near.append(start + order[:most])
        start += count
    return torch.cat(near)


def _inside(anchors: Tensor, box: Tensor) -> Tensor:
    lower, upper = corners(box)
    middle = centres_and_sizes(anchors)[0]
    return (torch.minimum(middle - lower, upper - middle) > INSIDE).all(dim=-1)


def _rescue(matches: Tensor, candidates: Sequence[tuple[Tensor, Tensor]]) -> None:
    """Give every object without an anchor its best free candidate, in place."""
    for index, (near, overlaps) in enumerate(candidates):
        free = matches[near] < 0
        if bool((matches == index).any()) or not bool(free.any()):
            continue
        near, overlaps = near[free], overlaps[free]
        matches[near[int(overlaps.argmax())]] = index

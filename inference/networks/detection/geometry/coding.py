"""What a network says of a box: deltas to an anchor (Ren 2015), or distances from a point (Tian 2019)."""

from __future__ import annotations

import math

import torch
from torch import Tensor

from inference.networks.detection.geometry.boxes import centres_and_sizes, corners

Weights = tuple[float, float]
"""What offsets of the centre and logarithms of the size are multiplied by, so that both are of the order of 1."""

LARGEST_LOG = math.log(1000 / 16)
"""Sizes are held to 62.5 times the anchor's, as in Fast R-CNN's code: an untrained network must not yield infinite boxes."""


def encode_deltas(boxes: Tensor, anchors: Tensor, weights: Weights = (1.0, 1.0)) -> Tensor:
    """Deltas (..., 2 d): offsets of the centre in sizes of the anchor, then logarithms of the ratio of sizes, by axis.

    Ren, He, Girshick, Sun, "Faster R-CNN" (arXiv:1506.01497), equation 2. Boxes and anchors must have an extent on every axis.
    """
    centre, size = centres_and_sizes(boxes)
    anchor_centre, anchor_size = centres_and_sizes(anchors)
    return torch.cat([weights[0] * (centre - anchor_centre) / anchor_size, weights[1] * (size / anchor_size).log()], dim=-1)


def decode_deltas(deltas: Tensor, anchors: Tensor, weights: Weights = (1.0, 1.0)) -> Tensor:
    """Boxes (..., 2 d) that ``deltas`` say of ``anchors``; the inverse of `encode_deltas`, but for `LARGEST_LOG`."""
    offset, log_size = corners(deltas)
    anchor_centre, anchor_size = centres_and_sizes(anchors)
    centre = anchor_centre + offset / weights[0] * anchor_size
    half = anchor_size * (log_size / weights[1]).clamp(max=LARGEST_LOG).exp() / 2
    return torch.cat([centre - half, centre + half], dim=-1)


def encode_distances(boxes: Tensor, points: Tensor) -> Tensor:
    """Distances (..., 2 d) from ``points`` (..., d) to the lower and then to the upper faces; negative for a point outside.

    Tian, Shen, Chen, He, "FCOS" (arXiv:1904.01355), equation 1.
    """
    lower, upper = corners(boxes)
    return torch.cat([points - lower, upper - points], dim=-1)


def decode_distances(distances: Tensor, points: Tensor) -> Tensor:
    """Boxes (..., 2 d) that reach ``distances`` from ``points``; the inverse of `encode_distances`."""
    below, above = corners(distances)
    return torch.cat([points - below, points + above], dim=-1)


def centreness(distances: Tensor) -> Tensor:
    """How central each point lies in its box, 1 in the middle and 0 at a face: (...,).

    FCOS, equation 3, for d axes: the d-th root of the product of the shorter over the longer distance. Points must be inside.
    """
    below, above = corners(distances)
    ratio = torch.minimum(below, above) / torch.maximum(below, above).clamp(min=torch.finfo(below.dtype).tiny)
    return ratio.prod(dim=-1).pow(1 / below.shape[-1])

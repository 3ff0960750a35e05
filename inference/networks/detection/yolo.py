"""A detector of the YOLO type without anchors: one stage, classes apart from boxes, and a say on how well each box fits.

After Ge, Liu, Wang, Li, Sun, "YOLOX" (arXiv:2107.08430): a decoupled head, and an objectness that learns the IoU of its own box.
Boxes are told as distances to their faces (Tian et al. 2019, "FCOS"), and places are matched by ATSS (Zhang et al. 2020).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Unpack

import torch
from torch import Tensor, nn

from inference.networks.arguments import whole
from inference.networks.detection.contract import Detector, Trunk
from inference.networks.detection.decode import found
from inference.networks.detection.geometry.anchors import grid_anchors, shapes
from inference.networks.detection.geometry.boxes import centres_and_sizes
from inference.networks.detection.geometry.coding import LARGEST_LOG, decode_distances
from inference.networks.detection.parts.heads import PRIOR, by_place, say, tower
from inference.networks.detection.records import Detections, Raw, Selection
from inference.networks.layers import he_initialise


class YoloHead(nn.Module):
    """Classes by one tower; distances and objectness by another."""

    def __init__(self, dims: int, channels: int, convs: int, classes: int) -> None:
        super().__init__()
        self.class_tower = tower(dims, channels, convs)
        self.box_tower = tower(dims, channels, convs)
        self.score = say(dims, channels, classes, PRIOR)
        self.distance = say(dims, channels, 2 * dims)
        self.object = say(dims, channels, 1, PRIOR)
        self.classes, self.dims = classes, dims

    def forward(self, levels: Sequence[Tensor]) -> tuple[Tensor, Tensor, Tensor]:
        """(N, P, classes), (N, P, 2 d) and (N, P)."""
        boxes = [self.box_tower(each) for each in levels]
        scores = by_place([self.score(self.class_tower(each)) for each in levels], self.classes)
        distances = by_place([self.distance(each) for each in boxes], 2 * self.dims)
        return scores, distances, by_place([self.object(each) for each in boxes], 1)[..., 0]


def raw_of(head: nn.Module, levels: Sequence[Tensor], strides: Sequence[int], sides: Tensor, size: Sequence[int]) -> Raw:
    """What ``head`` says of a pyramid's maps.

    Parameters
    ----------
    levels, strides : maps, finest first, and pixels a cell of each. sides : of the square or cube of a place, in strides (1, d).
    size : the input's spatial size.
    """
    scores, logs, quality = head(levels)
    anchors, counts = grid_anchors([each.shape[2:] for each in levels], strides, sides)
    points, extents = centres_and_sizes(anchors)
    distances = logs.float().clamp(max=LARGEST_LOG).exp() * torch.cat([extents, extents], dim=-1) / 2
    return Raw(tuple(size), anchors, counts, scores, logs, decode_distances(distances, points), quality)


def select_by_product(raw: Raw, selection: Selection) -> list[Detections]:
    """The decision on each image by the product of class and objectness, as in YOLOX."""
    assert raw.quality is not None
    scores = torch.sigmoid(raw.scores.float()) * torch.sigmoid(raw.quality.float())[..., None]
    return [found(boxes, each, raw.size, selection)[0] for boxes, each in zip(raw.boxes, scores, strict=True)]


class Yolo(Detector):
    """One stage without anchors.

    ``Raw.anchors`` are squares or cubes around the places, for matching; ``Raw.regressions`` the logarithms of the distances in
    half an anchor, so that a fresh network's boxes are the anchors.

    Parameters
    ----------
    convs : convolutions of each tower.
    anchor : the side in strides of a box that suits a level.
    trunk : see `Detector`.
    """

    per_place = 1

    def __init__(self, *, convs: int = 2, anchor: float = 4.0, **trunk: Unpack[Trunk]) -> None:
        super().__init__(**trunk)
        self.register_buffer("sides", shapes(anchor, (1.0,), [[1.0] * self.dims]), persistent=False)
        self.head = YoloHead(self.dims, self.channels, whole("convs", convs, most=8), self.classes)
        he_initialise(self)

    def forward(self, images: Tensor) -> Raw:
        return raw_of(self.head, self.maps(images), self.strides, self.get_buffer("sides"), images.shape[2:])

    def select(self, raw: Raw, selection: Selection) -> list[Detections]:
        return select_by_product(raw, selection)

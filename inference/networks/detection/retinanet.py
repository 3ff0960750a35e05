"""RetinaNet: anchors at every place of a pyramid, one stage (Lin, Goyal, Girshick, He, Dollár 2017, arXiv:1708.02002).

It differs from the paper in its matching (ATSS instead of fixed IoU), which needs one anchor of each shape a place, and in
group norm in its towers.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Unpack

import torch
from torch import Tensor, nn

from inference.networks.arguments import whole
from inference.networks.detection.contract import Detector, Trunk
from inference.networks.detection.decode import found
from inference.networks.detection.geometry.anchors import RATIOS, grid_anchors, shapes
from inference.networks.detection.geometry.coding import decode_deltas
from inference.networks.detection.parts.heads import PRIOR, by_place, say, tower
from inference.networks.detection.records import Detections, Raw, Selection
from inference.networks.layers import he_initialise


class RetinaHead(nn.Module):
    """Classes and deltas of every anchor by two towers."""

    def __init__(self, dims: int, channels: int, convs: int, anchors: int, classes: int) -> None:
        super().__init__()
        self.class_tower = tower(dims, channels, convs)
        self.box_tower = tower(dims, channels, convs)
        self.score = say(dims, channels, anchors * classes, PRIOR)
        self.delta = say(dims, channels, anchors * 2 * dims)
        self.classes, self.dims = classes, dims

    def forward(self, levels: Sequence[Tensor]) -> tuple[Tensor, Tensor]:
        """(N, P, classes) and (N, P, 2 d)."""
        scores = by_place([self.score(self.class_tower(each)) for each in levels], self.classes)
        return scores, by_place([self.delta(self.box_tower(each)) for each in levels], 2 * self.dims)


class RetinaNet(Detector):
    """One stage with anchors.

    Parameters
    ----------
    convs : convolutions of each tower (the paper: 4).
    anchor : sides of an anchor in strides. scales : factors on it, several anchors a place.
    ratios : shapes of anchors, relative sides in axis order; None: square, wide and tall in 2-D, a cube in 3-D.
    trunk : see `Detector`.
    """

    def __init__(
        self,
        *,
        convs: int = 2,
        anchor: float = 4.0,
        scales: Sequence[float] = (1.0,),
        ratios: Sequence[Sequence[float]] | None = None,
        **trunk: Unpack[Trunk],
    ) -> None:
        super().__init__(**trunk)
        sides = shapes(anchor, scales, ratios or RATIOS[self.dims])
        self.per_place = len(sides)
        self.register_buffer("sides", sides, persistent=False)
        self.head = RetinaHead(self.dims, self.channels, whole("convs", convs, most=8), self.per_place, self.classes)
        he_initialise(self)

    def forward(self, images: Tensor) -> Raw:
        levels = self.maps(images)
        scores, deltas = self.head(levels)
        anchors, counts = grid_anchors([each.shape[2:] for each in levels], self.strides, self.get_buffer("sides"))
        return Raw(tuple(images.shape[2:]), anchors, counts, scores, deltas, decode_deltas(deltas, anchors))

    def select(self, raw: Raw, selection: Selection) -> list[Detections]:
        scores = torch.sigmoid(raw.scores.float())
        return [found(boxes, each, raw.size, selection)[0] for boxes, each in zip(raw.boxes, scores, strict=True)]

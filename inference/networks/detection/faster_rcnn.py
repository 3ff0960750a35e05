"""Faster R-CNN: proposals by a small network on the pyramid, then a class and a finer box of each.

Ren, He, Girshick, Sun 2015 (arXiv:1506.01497), on a feature pyramid (Lin 2017, arXiv:1612.03144).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Unpack

import torch
from torch import Tensor, nn

from inference.networks.arguments import whole
from inference.networks.detection.contract import Detector, Trunk
from inference.networks.detection.decode import found, propose
from inference.networks.detection.geometry.anchors import RATIOS, grid_anchors, shapes
from inference.networks.detection.geometry.coding import decode_deltas
from inference.networks.detection.geometry.roi_align import pool_levels
from inference.networks.detection.parts.heads import by_place, say, tower
from inference.networks.detection.parts.regions import BoxHead
from inference.networks.detection.records import Detections, Raw, Selection
from inference.networks.layers import he_initialise

POOLED = {2: 7, 3: 5}
"""Bins of a box on each axis; 7 in the paper, fewer in volumes, where their number has a third power."""

DELTA_WEIGHTS = (10.0, 5.0)
"""Of the second stage's deltas, as in Fast R-CNN's code: the deviations left there are a tenth and a fifth."""


class ProposalHead(nn.Module):
    """Whether each anchor holds an object, and its deltas."""

    def __init__(self, dims: int, channels: int, anchors: int) -> None:
        super().__init__()
        self.tower = tower(dims, channels, 1)
        self.object = say(dims, channels, anchors)
        self.delta = say(dims, channels, anchors * 2 * dims)
        self.dims = dims

    def forward(self, levels: Sequence[Tensor]) -> tuple[Tensor, Tensor]:
        """(N, P, 1) and (N, P, 2 d)."""
        features = [self.tower(each) for each in levels]
        scores = by_place([self.object(each) for each in features], 1)
        return scores, by_place([self.delta(each) for each in features], 2 * self.dims)


class RegionHeads(nn.Module):
    """What the second stage says of a region; masks are `MaskRCNN`'s."""

    def __init__(self, box: BoxHead) -> None:
        super().__init__()
        self.box = box
        self.mask: nn.Module = nn.Identity()


class FasterRCNN(Detector):
    """Two stages.

    Parameters
    ----------
    anchor, scales, ratios : of the first stage, as of `RetinaNet`.
    proposals : boxes of an image that the second stage looks at, at most.
    hidden : width of the second stage (the paper: 1024).
    pooled : bins of a region on each axis; None: 7, in 3-D 5.
    trunk : see `Detector`.
    """

    def __init__(
        self,
        *,
        anchor: float = 4.0,
        scales: Sequence[float] = (1.0,),
        ratios: Sequence[Sequence[float]] | None = None,
        proposals: int = 100,
        hidden: int = 128,
        pooled: int | None = None,
        **trunk: Unpack[Trunk],
    ) -> None:
        super().__init__(**trunk)
        sides = shapes(anchor, scales, ratios or RATIOS[self.dims])
        self.per_place = len(sides)
        self.register_buffer("sides", sides, persistent=False)
        self.most = whole("proposals", proposals)
        self.pooled = POOLED[self.dims] if pooled is None else whole("pooled", pooled, most=32)
        self.proposals = ProposalHead(self.dims, self.channels, self.per_place)
        box = BoxHead(self.dims, self.channels, self.pooled, whole("hidden", hidden), self.classes)
        self.head = RegionHeads(box)
        self.stages = (*self.stages[:-1], "proposals", "head")
        he_initialise(self)

    def forward(self, images: Tensor) -> Raw:
        levels = self.maps(images)
        scores, deltas = self.proposals(levels)
        anchors, counts = grid_anchors([each.shape[2:] for each in levels], self.strides, self.get_buffer("sides"))
        boxes = decode_deltas(deltas, anchors)
        size = tuple(images.shape[2:])
        with torch.no_grad():
            wanted = [
                propose(each, score[:, 0].float(), counts, size, each=5 * self.most, most=self.most, overlap=0.7)
                for each, score in zip(boxes, scores, strict=True)
            ]
        return Raw(size, anchors, counts, scores, deltas, boxes, levels=tuple(levels), proposals=tuple(wanted))

    def regions(self, raw: Raw, boxes: Sequence[Tensor]) -> tuple[Tensor, Tensor]:
        """What the second stage says of boxes (n, 2 d) of each image.

        Returns
        -------
        Logits (sum of n, 1 + classes), background first, and deltas (sum of n, classes, 2 d) to the boxes by `DELTA_WEIGHTS`.
        """
        logits, deltas = self.head.box(pool_levels(raw.levels, self.strides, boxes, self.pooled))
        return logits, deltas

    def select(self, raw: Raw, selection: Selection) -> list[Detections]:
        logits, deltas = self.regions(raw, raw.proposals)
        scores = torch.softmax(logits.float(), dim=1)[:, 1:]
        boxes = decode_deltas(deltas, torch.cat(raw.proposals)[:, None], DELTA_WEIGHTS)
        counts = [len(each) for each in raw.proposals]
        split = zip(boxes.split(counts), scores.split(counts), strict=True)
        return [found(each, score, raw.size, selection)[0] for each, score in split]

"""Mask R-CNN: Faster R-CNN and a mask of each object (He, Gkioxari, Dollár, Girshick 2017, arXiv:1703.06870)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

from inference.networks.arguments import whole
from inference.networks.detection.faster_rcnn import FasterRCNN
from inference.networks.detection.geometry.roi_align import pool_levels
from inference.networks.detection.parts.regions import MaskHead
from inference.networks.detection.records import Detections, Raw, Selection

MASK_POOLED = {2: 14, 3: 8}
"""Bins of a region for its mask, which has twice as many; 14 in the paper."""


class MaskRCNN(FasterRCNN):
    """Two stages and a mask for each label, of which the found one's counts.

    Parameters
    ----------
    mask_pooled : bins of a region for its mask, whose grid is twice as fine; None: 14, in 3-D 8.
    mask_convs : convolutions before the doubling (the paper: 4).
    others : see `FasterRCNN`.
    """

    def __init__(self, *, mask_pooled: int | None = None, mask_convs: int = 2, **others: Any) -> None:
        super().__init__(**others)
        self.mask_pooled = MASK_POOLED[self.dims] if mask_pooled is None else whole("mask_pooled", mask_pooled, most=64)
        self.head.mask = MaskHead(self.dims, self.channels, whole("mask_convs", mask_convs, most=8), self.classes)

    @property
    def mask_size(self) -> int:
        """Cells of a mask on each axis."""
        return 2 * self.mask_pooled

    def region_masks(self, raw: Raw, boxes: Sequence[Tensor]) -> Tensor:
        """Logits (sum of n, classes, s, s[, s]) of the masks in boxes (n, 2 d) of each image."""
        logits: Tensor = self.head.mask(pool_levels(raw.levels, self.strides, boxes, self.mask_pooled))
        return logits

    def select(self, raw: Raw, selection: Selection) -> list[Detections]:
        plain = super().select(raw, selection)
        logits = self.region_masks(raw, [each.boxes for each in plain])
        labels = torch.cat([each.labels for each in plain])
        masks = torch.sigmoid(logits[torch.arange(len(labels), device=labels.device), labels - 1].float())
        parts = masks.split([len(each) for each in plain])
        return [Detections(each.boxes, each.scores, each.labels, part) for each, part in zip(plain, parts, strict=True)]

"""A detector whose answer is known: it finds every connected part that is bright enough, and its mask."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from inference.networks.detection import Detections, Detector, Raw, Selection, boxes_of_instances, components


class BrightParts(Detector):
    """Parts brighter than 0.25 are label 1, brighter than 0.75 label 2; a part's score is ``sure`` by its brightness.

    ``levels`` of `Raw` carries the images; what the encoder says isn't asked.
    """

    def __init__(self, dims: int = 2, sure: float = 0.8, masks: bool = False) -> None:
        arguments: dict[str, Any] = {"depth": 10, "width": 2, "pyramid": 2, "stem": "small"}
        super().__init__(spatial_dims=dims, in_channels=1, out_channels=3, **arguments)
        self.sure, self.with_masks = sure, masks

    def forward(self, images: Tensor) -> Raw:
        nothing = images.new_zeros((len(images), 0, 2 * self.dims))
        return Raw(tuple(images.shape[2:]), nothing[0], (), nothing, nothing, nothing, levels=(images,))

    def select(self, raw: Raw, selection: Selection) -> list[Detections]:
        return [self._found(image[0], selection.most) for image in raw.levels[0]]

    def _found(self, image: Tensor, most: int) -> Detections:
        parts, kinds = components((image > 0.25).int() + (image > 0.75).int())
        boxes, numbers = boxes_of_instances(parts)
        scores = torch.tensor([float(image[parts == number].max()) for number in numbers])
        scores = self.sure * scores / scores.max() if len(scores) else scores
        masks = torch.ones((len(boxes), *[4] * self.dims)) if self.with_masks else None
        order = torch.argsort(scores, descending=True, stable=True)[:most]
        labels = kinds[numbers - 1]
        return Detections(boxes[order], scores[order], labels[order], None if masks is None else masks[order])

"""What a detector finds in a case on the model's grid, and how precisely, while a run goes on."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import cast

import torch
from torch import Tensor

from inference.manifest import Manifest, Postprocess
from inference.networks.detection import Detections, Detector, Selection
from inference.networks.detection.geometry.boxes import iou_matrix
from inference.networks.detection.geometry.nms import by_score
from inference.pipeline.detect import detect
from inference.pipeline.fit import Fit
from inference.pipeline.orient import IDENTITY_2D
from inference.pipeline.prepare import Prepared
from training.data import GridCase

_RECALLS = 100


@dataclass(frozen=True)
class Boxes:
    """Boxes float32 (n, 2 d), labels int64 (n,), scores float32 (n,), on the model's grid; of the truth all scores are 1."""

    boxes: Tensor
    labels: Tensor
    scores: Tensor

    def of(self, label: int) -> Boxes:
        """Those of one label."""
        return self.at(self.labels == label)

    def at(self, index: Tensor) -> Boxes:
        """Those of an index or a mask."""
        return Boxes(self.boxes[index], self.labels[index], self.scores[index])


def found_in(network: Detector, case: GridCase, manifest: Manifest, device: torch.device) -> Boxes:
    """What is found in a case, by the node's own windows and rules but without mirrored passes."""
    size = tuple(case.image.shape[1:])
    plain = manifest.model_copy(update={"postprocess": Postprocess()})
    placed = network if device.type == "cpu" else cast(Detector, _Elsewhere(network, device))
    (found,) = detect(placed, Prepared(case.image, IDENTITY_2D, Fit.whole(size, size)), plain)
    return Boxes(found.boxes, found.labels, found.scores)


class _Elsewhere:
    """A detector on another device than the images that it is given; says boxes on the CPU."""

    def __init__(self, network: Detector, device: torch.device) -> None:
        self._network, self._device = network, device

    def detect(self, images: Tensor, selection: Selection) -> list[Detections]:
        found = self._network.detect(images.to(self._device), selection)
        return [Detections(each.boxes.cpu(), each.scores.cpu(), each.labels.cpu()) for each in found]


def average_precision(pairs: Sequence[tuple[Boxes, Boxes]], label: int, overlap: float = 0.5) -> float:
    """COCO's average precision of one label at one IoU: found and true boxes of each case; nan where no case holds one.

    ``training.evaluate.detection`` measures a finished package, with intervals; this is one number of a validation.
    """
    rows: list[tuple[float, bool]] = []
    objects = 0
    for found, truth in pairs:
        ours, theirs = found.of(label), truth.of(label)
        objects += len(theirs.boxes)
        rows += zip(ours.scores.tolist(), _hits(ours, theirs, overlap), strict=True)
    if not objects:
        return math.nan
    rows.sort(key=lambda row: -row[0])
    hits = torch.tensor([hit for _, hit in rows], dtype=torch.float64)
    reached = hits.cumsum(0)
    precision = reached / torch.arange(1, len(hits) + 1)
    best = precision.flip(0).cummax(0).values.flip(0) if len(hits) else precision
    steps = torch.arange(_RECALLS + 1, dtype=torch.float64) / _RECALLS
    place = torch.searchsorted(reached, steps * objects - 1e-9)
    return float(torch.where(place < len(best), best[place.clamp_max(max(0, len(best) - 1))], 0.0).mean()) if len(best) else 0.0


def _hits(found: Boxes, truth: Boxes, overlap: float) -> list[bool]:
    """Whether each found box is a hit: the surest first takes the nearest free true box that is near enough."""
    hits = [False] * len(found.boxes)
    near = iou_matrix(found.boxes, truth.boxes)
    for index in by_score(found.scores).tolist() if len(truth.boxes) else ():
        best = int(near[index].argmax())
        hits[index] = float(near[index, best]) >= overlap
        if hits[index]:
            near[:, best] = -1
    return hits

"""How a detector's boxes become statements: thresholds, and what its scores are, in words."""

from __future__ import annotations

from dataclasses import dataclass

from inference.manifest import Manifest
from storage.base.errors import ModelError


@dataclass(frozen=True)
class DetectionRules:
    """How boxes become statements.

    ``thresholds``: one a label, in their order, of scores from 0 to 1. ``score_scale``: what a score is, for people, such as
    "sigmoid of the class score, not calibrated".
    """

    thresholds: tuple[float, ...]
    score_scale: str


_SCORES = {
    "multitask": "class score times objectness",
    "yolo": "class score times objectness",
    "retinanet": "sigmoid of the class score",
    "faster-rcnn": "softmax of the class scores",
    "mask-rcnn": "softmax of the class scores",
}


def detection_rules(manifest: Manifest) -> DetectionRules:
    """Those of a package."""
    stated = manifest.detection
    if stated is None:
        raise ModelError(f"{manifest.name} states no rules of detection", code="output-labels")
    looks = len(manifest.network.members) * 2 ** len(manifest.postprocess.mirror_axes)
    mean = f"mean of {looks} looks, " if looks > 1 else ""
    return DetectionRules(stated.thresholds, f"{_SCORES[manifest.network.name]}, {mean}not calibrated")

"""Detectors by name, as what they are; a manifest's name goes through `inference.networks.registry`, which knows the same."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from inference.networks.detection.contract import Detector
from inference.networks.detection.faster_rcnn import FasterRCNN
from inference.networks.detection.mask_rcnn import MaskRCNN
from inference.networks.detection.retinanet import RetinaNet
from inference.networks.detection.yolo import Yolo
from storage.base.errors import ModelError

DETECTORS: dict[str, type[Detector]] = {
    "faster-rcnn": FasterRCNN,
    "mask-rcnn": MaskRCNN,
    "retinanet": RetinaNet,
    "yolo": Yolo,
}


def build_detector(name: str, arguments: Mapping[str, Any]) -> Detector:
    """Build a detector with fresh weights, in training mode.

    Parameters
    ----------
    name : one of `DETECTORS`. arguments : keyword arguments of its class, plain JSON values.

    Raises
    ------
    ModelError
        Code ``network-invalid``, naming the unknown detector or the wrong argument.
    """
    if name not in DETECTORS:
        raise ModelError(f"detector {name!r} is unknown; use one of: {', '.join(DETECTORS)}", code="network-invalid")
    try:
        return DETECTORS[name](**arguments)
    except (TypeError, ValueError) as error:
        message = f"detector {name!r}: wrong arguments ({error}); correct network.arguments"
        raise ModelError(message, code="network-invalid") from error

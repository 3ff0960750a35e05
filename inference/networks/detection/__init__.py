"""Finding and locating objects, in two and three dimensions, in plain torch; see README.md here."""

from __future__ import annotations

from inference.networks.detection.build import DETECTORS, build_detector
from inference.networks.detection.contract import Detector
from inference.networks.detection.faster_rcnn import FasterRCNN
from inference.networks.detection.geometry.from_masks import boxes_of_instances, components, instance_masks
from inference.networks.detection.geometry.paste import paste
from inference.networks.detection.mask_rcnn import MaskRCNN
from inference.networks.detection.records import Detections, Raw, Selection
from inference.networks.detection.retinanet import RetinaNet
from inference.networks.detection.yolo import Yolo

__all__ = [
    "DETECTORS",
    "Detections",
    "Detector",
    "FasterRCNN",
    "MaskRCNN",
    "Raw",
    "RetinaNet",
    "Selection",
    "Yolo",
    "boxes_of_instances",
    "build_detector",
    "components",
    "instance_masks",
    "paste",
]

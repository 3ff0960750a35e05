"""Small arguments for every detector."""

from __future__ import annotations

from typing import Any

import torch

from inference.networks.detection import Detector, build_detector

SMALL: dict[str, dict[str, Any]] = {
    "faster-rcnn": {"proposals": 6, "hidden": 8, "pooled": 3},
    "mask-rcnn": {"proposals": 6, "hidden": 8, "pooled": 3, "mask_pooled": 3, "mask_convs": 1},
    "retinanet": {"convs": 1},
    "yolo": {"convs": 1},
}
EACH = [(name, dims) for name in SMALL for dims in (2, 3)]


def arguments(name: str, dims: int, **more: Any) -> dict[str, Any]:
    few = {"depth": 10, "width": 4, "pyramid": 8}
    return {"spatial_dims": dims, "in_channels": 1, "out_channels": 3, **few, **SMALL[name], **more}


def small(name: str, dims: int, *, seed: int = 0, **more: Any) -> Detector:
    torch.manual_seed(seed)
    return build_detector(name, arguments(name, dims, **more))

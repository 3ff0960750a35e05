"""What detectors minimise."""

from __future__ import annotations

from training.losses.detection.choose import detection_losses
from training.losses.detection.targets import Targets

__all__ = ["Targets", "detection_losses"]

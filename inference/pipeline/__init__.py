"""From a volume to a label map on the same grid, or to class scores: orient, resample, scale, window, restore.

Training runs this same code.
"""

from __future__ import annotations

from inference.pipeline.classify import class_scores
from inference.pipeline.prepare import Prepared, prepare
from inference.pipeline.restore import labels_on_source
from inference.pipeline.several import Placed, about_input, prepare_inputs
from inference.pipeline.window import Progress, segment, silent

__all__ = [
    "Placed",
    "Prepared",
    "Progress",
    "about_input",
    "class_scores",
    "labels_on_source",
    "prepare",
    "prepare_inputs",
    "segment",
    "silent",
]

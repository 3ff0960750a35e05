"""From the Instances of one Series to a Volume with a known place in the patient, or a named refusal.

Owns: the frames of an Instance, their order and affine, pixel decoding and rescaling, and what a model gives back for them:
a label map on the same grid, class probabilities, boxes, or the answers of several heads. Geometry comes from headers alone,
never from list order, file names or Instance Numbers. Absent on purpose: resampling and orientation (``inference.pipeline``),
the database, torch.
"""

from __future__ import annotations

from inference.volume.answers import Answers, decode_answers, encode_answers
from inference.volume.assemble import assemble
from inference.volume.boxes import Detections, decode_detections, encode_detections
from inference.volume.labelmap import LabelMap, decode_label_map, encode_label_map
from inference.volume.place import Scale
from inference.volume.probabilities import ClassProbabilities, decode_probabilities, encode_probabilities
from inference.volume.read import read_headers, read_series
from inference.volume.volume import SliceRef, Volume

__all__ = [
    "Answers",
    "ClassProbabilities",
    "Detections",
    "LabelMap",
    "Scale",
    "SliceRef",
    "Volume",
    "assemble",
    "decode_answers",
    "decode_detections",
    "decode_label_map",
    "decode_probabilities",
    "encode_answers",
    "encode_detections",
    "encode_label_map",
    "encode_probabilities",
    "read_headers",
    "read_series",
]

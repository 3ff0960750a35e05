"""From the Instances of one Series to a Volume with a known place in the patient, or a named refusal.

Owns: the frames of an Instance, their order and affine, pixel decoding and rescaling, and the label map that a model gives
back on the same grid. Geometry comes from headers alone, never from list order, file names or Instance Numbers. Absent on
purpose: resampling and orientation (``inference.pipeline``), the database, torch.
"""

from __future__ import annotations

from inference.volume.assemble import assemble
from inference.volume.labelmap import LabelMap, decode_label_map, encode_label_map
from inference.volume.read import read_series
from inference.volume.volume import SliceRef, Volume

__all__ = ["LabelMap", "SliceRef", "Volume", "assemble", "decode_label_map", "encode_label_map", "read_series"]

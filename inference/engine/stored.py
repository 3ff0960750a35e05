"""A prediction as the blob between the two tasks of a job, whatever the model's task is."""

from __future__ import annotations

from inference.engine.predict import Prediction
from inference.volume import (
    ClassProbabilities,
    Detections,
    LabelMap,
    decode_answers,
    decode_detections,
    decode_label_map,
    decode_probabilities,
    encode_answers,
    encode_detections,
    encode_label_map,
    encode_probabilities,
)


def encode(found: Prediction) -> tuple[str, bytes]:
    """Name of the blob below the attempt's prefix, and its bytes; equal predictions give equal bytes."""
    if isinstance(found, LabelMap):
        return "label-map.npz", encode_label_map(found)
    if isinstance(found, Detections):
        return "detections.npz", encode_detections(found)
    if isinstance(found, ClassProbabilities):
        return "probabilities.npz", encode_probabilities(found)
    return "answers.npz", encode_answers(found)


def decode(blob: bytes, task: str) -> Prediction:
    """Read the blob of a package's ``task``.

    Raises
    ------
    TransientError
        These aren't the bytes that were written.
    """
    if task == "segmentation":
        return decode_label_map(blob)
    if task == "detection":
        return decode_detections(blob)
    return decode_probabilities(blob) if task == "classification" else decode_answers(blob)

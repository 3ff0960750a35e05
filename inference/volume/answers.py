"""What a model of several tasks gives back for an image, head by head, and its blob: the single tasks' blobs in one."""

from __future__ import annotations

import io
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from inference.volume.archive import UNREADABLE, pack
from inference.volume.boxes import Detections, decode_detections, encode_detections
from inference.volume.labelmap import LabelMap, decode_label_map, encode_label_map
from inference.volume.probabilities import ClassProbabilities, decode_probabilities, encode_probabilities
from inference.volume.volume import SliceRef
from storage.base.errors import TransientError

Answer = LabelMap | ClassProbabilities | Detections

_ENCODERS: dict[str, Callable[[Any], bytes]] = {
    "segmentation": encode_label_map,
    "classification": encode_probabilities,
    "detection": encode_detections,
}
_DECODERS: dict[str, Callable[[bytes], Answer]] = {
    "segmentation": decode_label_map,
    "classification": decode_probabilities,
    "detection": decode_detections,
}


@dataclass(frozen=True, eq=False)
class Answers:
    """One answer a head, all of the same source.

    Attributes
    ----------
    by_head : label map, class probabilities, boxes, in the order of the manifest's heads.

    Raises
    ------
    ValueError
        No mask, or answers about different sources: a mistake of the caller.
    """

    by_head: Mapping[str, Answer]

    def __post_init__(self) -> None:
        if not isinstance(self.by_head.get("segmentation"), LabelMap):
            raise ValueError("by_head: needs the label map of the segmentation")
        if len({(answer.slices, answer.frame_of_reference_uid, answer.positioned) for answer in self.by_head.values()}) != 1:
            raise ValueError("by_head: needs answers about one source")

    @property
    def mask(self) -> LabelMap:
        """The answer of the segmentation, which every model of several tasks has."""
        found = self.by_head["segmentation"]
        assert isinstance(found, LabelMap)
        return found

    @property
    def slices(self) -> tuple[SliceRef, ...]:
        """The source frames of all answers, in k order."""
        return self.mask.slices

    @property
    def frame_of_reference_uid(self) -> str:
        return self.mask.frame_of_reference_uid

    @property
    def positioned(self) -> bool:
        return self.mask.positioned


def encode_answers(answers: Answers) -> bytes:
    """The blob; equal answers give equal bytes."""
    blobs = {head: _ENCODERS[head](answer) for head, answer in answers.by_head.items()}
    return pack({head: np.frombuffer(blob, dtype=np.uint8) for head, blob in blobs.items()})


def decode_answers(blob: bytes) -> Answers:
    """Read a blob of answers.

    Raises
    ------
    TransientError
        Code ``answers-unreadable``, or that of the answer within: these aren't the bytes that were written.
    """
    try:
        with np.load(io.BytesIO(blob), allow_pickle=False) as arrays:
            return Answers({head: _DECODERS[head](arrays[head].tobytes()) for head in arrays.files})
    except UNREADABLE as error:
        raise TransientError("the stored answers can't be read; run the job again", code="answers-unreadable") from error

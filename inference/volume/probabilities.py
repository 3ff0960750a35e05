"""The probabilities that a classification gives back for an image or volume, and their blob (``inference.volume.archive``)."""

from __future__ import annotations

import io
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from inference.volume.archive import UNREADABLE, pack, place_arrays, read_place
from inference.volume.volume import SliceRef, Volume
from storage.base.errors import TransientError

_SUM_TOLERANCE = 1e-6


@dataclass(frozen=True, eq=False)
class ClassProbabilities:
    """What the source images show, by class.

    Attributes
    ----------
    probabilities : float64 (1 + labels,), 0 to 1, sum 1; index 0 is "none of the labels", index n the label of value n.
    slices : references to the source frames that were classified together, in k order.

    Raises
    ------
    ValueError
        Numbers that are no probabilities, or no source: a mistake of the caller.
    """

    probabilities: NDArray[np.float64]
    slices: tuple[SliceRef, ...]
    frame_of_reference_uid: str = ""
    positioned: bool = True

    def __post_init__(self) -> None:
        given = self.probabilities
        if given.dtype != np.float64 or given.ndim != 1 or len(given) < 2:
            raise ValueError("probabilities: needs one axis of float64, two classes or more")
        if not (given >= 0).all() or abs(float(given.sum()) - 1.0) > _SUM_TOLERANCE:
            raise ValueError("probabilities: must be 0 or more and sum to 1")
        if not self.slices:
            raise ValueError("slices: needs a reference to the source")

    @classmethod
    def on(cls, volume: Volume, probabilities: NDArray[np.float64]) -> ClassProbabilities:
        """Probabilities of what ``volume`` shows."""
        return cls(probabilities, volume.slices, volume.frame_of_reference_uid, volume.positioned)


def encode_probabilities(found: ClassProbabilities) -> bytes:
    """The blob of class probabilities; equal ones give equal bytes."""
    place = place_arrays(found.slices, found.frame_of_reference_uid, found.positioned)
    return pack({"probabilities": np.ascontiguousarray(found.probabilities), **place})


def decode_probabilities(blob: bytes) -> ClassProbabilities:
    """Read a blob of class probabilities.

    Raises
    ------
    TransientError
        Code ``probabilities-unreadable``: these aren't the bytes that were written.
    """
    try:
        with np.load(io.BytesIO(blob), allow_pickle=False) as arrays:
            return ClassProbabilities(arrays["probabilities"], **read_place(arrays))
    except UNREADABLE as error:
        message = "the stored probabilities can't be read; run the job again"
        raise TransientError(message, code="probabilities-unreadable") from error

"""The boxes that a detector gives back for an image or volume, and where their corners lie in image and patient.

A box is its lower corner, then its upper one, in axis order ([k,] j, i) on the grid of the source slices. Boxes are half-open:
pixel n covers n to n + 1, so the box of pixels 3, 4 and 5 is 3 to 6, and the whole image 0 to its size. This is the measure of
SCOORD itself, whose origin 0\\0 is the outer corner of the first pixel and Columns\\Rows that of the last one (PS3.3 C.18.6);
only the affine speaks of voxel centres, which lie half a pixel further.
"""

from __future__ import annotations

import io
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from inference.volume.archive import UNREADABLE, pack, place_arrays, read_place
from inference.volume.labelmap import LabelMap
from inference.volume.volume import SliceRef, Volume
from storage.base.errors import TransientError

Array = NDArray[np.float64]

SCORE_DECIMALS = 4
"""To which scores are rounded before they are compared with a threshold and reported."""

_ARRAYS = ("boxes", "scores", "labels", "segments", "affine_lps_mm")


@dataclass(frozen=True, eq=False)
class Detections:
    """What a detector found in one image (d = 2) or volume (d = 3); no boxes at all is a result.

    Attributes
    ----------
    boxes : float64 (N, 2 d), lower then upper corner, ([k,] j, i) in pixels of the source, half-open.
    scores : float64 (N,), 0 to 1.
    labels : int64 (N,), values of the manifest's labels.
    shape_kji : (K, J, I) of the source; K is 1 for an image.
    affine_lps_mm : float64 (4, 4), (i, j, k, 1) of a voxel's centre to LPS millimetres, as in ``Volume``.
    slices : K references to the source frames, in k order.
    segments : int64 (N,), the segment of a SEG that is the mask of each box; 0 where there is none. All 0 where not given.
    masks_kji : uint16 (K, J, I), 0 or the segment that a voxel belongs to; None of a detector without masks.

    Raises
    ------
    ValueError
        Shapes or types that don't fit together: a mistake of the caller.
    """

    boxes: Array
    scores: Array
    labels: NDArray[np.int64]
    shape_kji: tuple[int, int, int]
    affine_lps_mm: Array
    slices: tuple[SliceRef, ...]
    frame_of_reference_uid: str = ""
    positioned: bool = True
    segments: NDArray[np.int64] = field(default_factory=lambda: np.zeros(0, np.int64))
    masks_kji: NDArray[np.uint16] | None = None

    def __post_init__(self) -> None:
        if self.boxes.dtype != np.float64 or self.boxes.ndim != 2 or self.boxes.shape[1] not in (4, 6):
            raise ValueError("boxes: needs float64 of shape (N, 4) or (N, 6)")
        if not self.segments.size:
            object.__setattr__(self, "segments", np.zeros(len(self.boxes), np.int64))
        if not len(self.boxes) == len(self.scores) == len(self.labels) == len(self.segments):
            raise ValueError("scores, labels, segments: need one number a box")
        if len(self.slices) != self.shape_kji[0]:
            raise ValueError("slices: needs one reference per slice")
        if self.masks_kji is not None and (self.masks_kji.shape != self.shape_kji or self.masks_kji.dtype != np.uint16):
            raise ValueError("masks_kji: needs uint16 of the source's shape")
        if self.dims == 2 and self.shape_kji[0] != 1:
            raise ValueError("boxes: those of a volume need six numbers")
        if self.dims == 3 and (self.shape_kji[0] < 2 or not self.positioned):
            raise ValueError("boxes: those of a volume need two slices or more, with a place in the patient")

    @classmethod
    def on(
        cls,
        volume: Volume,
        boxes: Array,
        scores: Array,
        labels: NDArray[np.int64],
        segments: NDArray[np.int64] | None = None,
        masks_kji: NDArray[np.uint16] | None = None,
    ) -> Detections:
        """Boxes on the grid of ``volume``."""
        k, j, i = volume.voxels_kji.shape
        place = (volume.slices, volume.frame_of_reference_uid, volume.positioned)
        given = np.zeros(len(boxes), np.int64) if segments is None else segments
        return cls(boxes, scores, labels, (k, j, i), volume.affine_lps_mm, *place, given, masks_kji)

    @property
    def mask_map(self) -> LabelMap | None:
        """The masks as a label map whose labels are the segments; None where no box has one."""
        if self.masks_kji is None or not self.segments.any():
            return None
        place = (self.slices, self.frame_of_reference_uid, self.positioned)
        return LabelMap(self.masks_kji, self.affine_lps_mm, *place)

    @property
    def dims(self) -> int:
        """2 for an image, 3 for a volume."""
        return int(self.boxes.shape[1]) // 2


def encode_detections(found: Detections) -> bytes:
    """The blob of what a detector found; equal findings give equal bytes."""
    arrays = {name: np.ascontiguousarray(getattr(found, name)) for name in _ARRAYS}
    place = place_arrays(found.slices, found.frame_of_reference_uid, found.positioned)
    masks = {} if found.masks_kji is None else {"masks_kji": np.ascontiguousarray(found.masks_kji)}
    return pack({**arrays, **masks, "shape_kji": np.array(found.shape_kji, np.int64), **place})


def decode_detections(blob: bytes) -> Detections:
    """Read a blob of what a detector found.

    Raises
    ------
    TransientError
        Code ``detections-unreadable``: these aren't the bytes that were written.
    """
    try:
        with np.load(io.BytesIO(blob), allow_pickle=False) as arrays:
            k, j, i = arrays["shape_kji"].tolist()
            masks_kji = arrays.get("masks_kji")
            given = {name: arrays[name] for name in _ARRAYS}
            return Detections(**given, shape_kji=(k, j, i), **read_place(arrays), masks_kji=masks_kji)
    except UNREADABLE as error:
        message = "the stored detections can't be read; run the job again"
        raise TransientError(message, code="detections-unreadable") from error


def are_findings(scores: Array, labels: NDArray[np.int64], thresholds: Sequence[float]) -> NDArray[np.bool_]:
    """Whether the rounded score of each box reaches the threshold of its label: bool (N,)."""
    limits = np.array([np.inf, *thresholds])
    return np.asarray(scores.round(SCORE_DECIMALS) >= limits[labels])


def outline_column_row(box: Array) -> Array:
    """The closed outline (5, 2) of a box in its plane, (column, row) pairs as Graphic Data takes them (PS3.3 C.18.6.1.1).

    Starts at the corner of the least column and row and goes along the row first; the last point is the first.
    """
    j0, i0, j1, i1 = (float(box[axis]) for axis in in_plane(len(box)))
    return np.array([(i0, j0), (i1, j0), (i1, j1), (i0, j1), (i0, j0)])


def in_plane(numbers: int) -> tuple[int, int, int, int]:
    """Which numbers of a box are j0, i0, j1, i1."""
    dims = numbers // 2
    return dims - 2, dims - 1, 2 * dims - 2, 2 * dims - 1


def central_slice(box: Array, slices: int) -> int:
    """The slice that holds the middle of a box, the later one where the middle lies between two; 0 for a box of an image."""
    return min(slices - 1, int((box[0] + box[3]) // 2)) if len(box) == 6 else 0


def corners_lps_mm(box: Array, affine_lps_mm: Array) -> Array:
    """The corners (2, 4, 3) of a box of a volume: of its face at the least k, then of that at the greatest, each once around.

    Edges lie half a voxel before the centres that the affine places (PS3.3 C.7.6.2.1.1).
    """
    around = outline_column_row(box)[:4]
    faces = [np.c_[around, np.full(4, box[axis])] - 0.5 for axis in (0, 3)]
    return np.stack([np.c_[face, np.ones(4)] @ affine_lps_mm[:3].T for face in faces])

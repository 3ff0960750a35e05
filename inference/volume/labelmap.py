"""The label map that a model gives back on the source grid, and its blob: numpy's .npz, no pickle, the same bytes each time.

Arrays in the blob: ``labels_kji``, ``affine_lps_mm``, ``sop_instance_uids``, ``sop_class_uids`` and ``frame_numbers`` (0 for
none) in k order, ``frame_of_reference_uid``, ``positioned``; ``notes`` where there are any. Label 0 is background.
"""

from __future__ import annotations

import io
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from inference.volume.archive import UNREADABLE, pack, place_arrays, read_place
from inference.volume.volume import SliceRef, Volume
from storage.base.errors import TransientError


@dataclass(frozen=True, eq=False)
class LabelMap:
    """Labels on the grid of the source slices.

    Attributes
    ----------
    labels_kji : uint8 or uint16 (K, J, I), 0 is background.
    affine_lps_mm : float64 (4, 4), (i, j, k, 1) to LPS millimetres, as in ``Volume``.
    slices : K references to the source frames, in k order.
    notes : what a reader must know of the inputs, sentences; the report carries them with every label.

    Raises
    ------
    ValueError
        Shapes or types that don't fit together: a mistake of the caller.
    """

    labels_kji: NDArray[np.uint8] | NDArray[np.uint16]
    affine_lps_mm: NDArray[np.float64]
    slices: tuple[SliceRef, ...]
    frame_of_reference_uid: str = ""
    positioned: bool = True
    notes: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if self.labels_kji.dtype not in (np.uint8, np.uint16) or self.labels_kji.ndim != 3:
            raise ValueError("labels_kji: needs three axes of uint8 or uint16")
        if self.affine_lps_mm.shape != (4, 4) or self.affine_lps_mm.dtype != np.float64:
            raise ValueError("affine_lps_mm: needs to be (4, 4) float64")
        if len(self.slices) != len(self.labels_kji):
            raise ValueError("slices: needs one reference per slice")

    @classmethod
    def on(cls, volume: Volume, labels_kji: NDArray[np.uint8] | NDArray[np.uint16], notes: tuple[str, ...] = ()) -> LabelMap:
        """Labels on the grid of ``volume``; the shapes must be equal."""
        if labels_kji.shape != volume.voxels_kji.shape:
            raise ValueError("labels_kji: needs the shape of the volume")
        return cls(labels_kji, volume.affine_lps_mm, volume.slices, volume.frame_of_reference_uid, volume.positioned, notes)


def encode_label_map(label_map: LabelMap) -> bytes:
    """The blob of a label map; equal label maps give equal bytes."""
    arrays: dict[str, NDArray[Any]] = {
        "labels_kji": np.ascontiguousarray(label_map.labels_kji),
        "affine_lps_mm": np.ascontiguousarray(label_map.affine_lps_mm),
        **place_arrays(label_map.slices, label_map.frame_of_reference_uid, label_map.positioned),
    }
    if label_map.notes:
        arrays["notes"] = np.array(label_map.notes, dtype=np.str_)
    return pack(arrays)


def decode_label_map(blob: bytes) -> LabelMap:
    """Read a label map blob.

    Raises
    ------
    TransientError
        Code ``label-map-unreadable``: these aren't the bytes that were written.
    """
    try:
        with np.load(io.BytesIO(blob), allow_pickle=False) as arrays:
            notes = tuple(arrays["notes"].tolist()) if "notes" in arrays else ()
            return LabelMap(arrays["labels_kji"], arrays["affine_lps_mm"], **read_place(arrays), notes=notes)
    except UNREADABLE as error:
        raise TransientError("the stored label map can't be read; run the job again", code="label-map-unreadable") from error

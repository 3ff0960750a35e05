"""The label map that a model gives back on the source grid, and its blob: numpy's .npz, no pickle, the same bytes each time.

Arrays in the blob: ``labels_kji``, ``affine_lps_mm``, ``sop_instance_uids``, ``sop_class_uids`` and ``frame_numbers`` (0 for
none) in k order, ``frame_of_reference_uid``, ``positioned``. Label 0 is background.
"""

from __future__ import annotations

import io
import zipfile
import zlib
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from inference.volume.volume import SliceRef, Volume
from storage.base.errors import TransientError

_EPOCH = (1980, 1, 1, 0, 0, 0)  # the earliest time that a zip entry can hold
_DEFLATE_LEVEL = 3  # label maps are runs of equal bytes: more effort takes longer and saves little


@dataclass(frozen=True, eq=False)
class LabelMap:
    """Labels on the grid of the source slices.

    Attributes
    ----------
    labels_kji : uint8 or uint16 (K, J, I), 0 is background.
    affine_lps_mm : float64 (4, 4), (i, j, k, 1) to LPS millimetres, as in ``Volume``.
    slices : K references to the source frames, in k order.

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

    def __post_init__(self) -> None:
        if self.labels_kji.dtype not in (np.uint8, np.uint16) or self.labels_kji.ndim != 3:
            raise ValueError("labels_kji: needs three axes of uint8 or uint16")
        if self.affine_lps_mm.shape != (4, 4) or self.affine_lps_mm.dtype != np.float64:
            raise ValueError("affine_lps_mm: needs to be (4, 4) float64")
        if len(self.slices) != len(self.labels_kji):
            raise ValueError("slices: needs one reference per slice")

    @classmethod
    def on(cls, volume: Volume, labels_kji: NDArray[np.uint8] | NDArray[np.uint16]) -> LabelMap:
        """Labels on the grid of ``volume``; the shapes must be equal."""
        if labels_kji.shape != volume.voxels_kji.shape:
            raise ValueError("labels_kji: needs the shape of the volume")
        return cls(labels_kji, volume.affine_lps_mm, volume.slices, volume.frame_of_reference_uid, volume.positioned)


def encode_label_map(label_map: LabelMap) -> bytes:
    """The blob of a label map; equal label maps give equal bytes."""
    slices = label_map.slices
    arrays: dict[str, NDArray[Any]] = {
        "labels_kji": np.ascontiguousarray(label_map.labels_kji),
        "affine_lps_mm": np.ascontiguousarray(label_map.affine_lps_mm),
        "sop_instance_uids": np.array([ref.sop_instance_uid for ref in slices], dtype=np.str_),
        "sop_class_uids": np.array([ref.sop_class_uid for ref in slices], dtype=np.str_),
        "frame_numbers": np.array([ref.frame_number or 0 for ref in slices], dtype=np.int64),
        "frame_of_reference_uid": np.array(label_map.frame_of_reference_uid, dtype=np.str_),
        "positioned": np.array(label_map.positioned),
    }
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for name, array in arrays.items():
            entry = zipfile.ZipInfo(f"{name}.npy", _EPOCH)
            entry.compress_type = zipfile.ZIP_DEFLATED
            archive.writestr(entry, _npy(array), compresslevel=_DEFLATE_LEVEL)
    return buffer.getvalue()


def decode_label_map(blob: bytes) -> LabelMap:
    """Read a label map blob.

    Raises
    ------
    TransientError
        Code ``label-map-unreadable``: these aren't the bytes that were written.
    """
    try:
        with np.load(io.BytesIO(blob), allow_pickle=False) as arrays:
            references = zip(
                arrays["sop_instance_uids"].tolist(),
                arrays["sop_class_uids"].tolist(),
                arrays["frame_numbers"].tolist(),
                strict=True,
            )
            return LabelMap(
                labels_kji=arrays["labels_kji"],
                affine_lps_mm=arrays["affine_lps_mm"],
                slices=tuple(SliceRef(uid, class_uid, number or None) for uid, class_uid, number in references),
                frame_of_reference_uid=str(arrays["frame_of_reference_uid"]),
                positioned=bool(arrays["positioned"]),
            )
    except (KeyError, ValueError, EOFError, OSError, zipfile.BadZipFile, zlib.error) as error:
        raise TransientError("the stored label map can't be read; run the job again", code="label-map-unreadable") from error


def _npy(array: NDArray[Any]) -> bytes:
    buffer = io.BytesIO()
    np.lib.format.write_array(buffer, array, allow_pickle=False)
    return buffer.getvalue()

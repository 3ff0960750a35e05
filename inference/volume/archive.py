"""Arrays in a blob: numpy's .npz, no pickle, the same bytes each time. And the arrays that say where a prediction belongs.

Those are ``sop_instance_uids``, ``sop_class_uids`` and ``frame_numbers`` (0 for none) in k order, ``frame_of_reference_uid``,
``positioned``.
"""

from __future__ import annotations

import io
import zipfile
import zlib
from collections.abc import Mapping, Sequence
from typing import Any, TypedDict

import numpy as np
from numpy.typing import NDArray

from inference.volume.volume import SliceRef

UNREADABLE = (KeyError, ValueError, EOFError, OSError, zipfile.BadZipFile, zlib.error)
"""What reading a blob raises when it isn't the one that was written."""

_EPOCH = (1980, 1, 1, 0, 0, 0)  # the earliest time that a zip entry can hold
_DEFLATE_LEVEL = 3  # label maps are runs of equal bytes: more effort takes longer and saves little


class Place(TypedDict):
    """Fields that every prediction shares."""

    slices: tuple[SliceRef, ...]
    frame_of_reference_uid: str
    positioned: bool


def pack(arrays: Mapping[str, NDArray[Any]]) -> bytes:
    """The blob of named arrays; equal arrays in the same order give equal bytes."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for name, array in arrays.items():
            entry = zipfile.ZipInfo(f"{name}.npy", _EPOCH)
            entry.compress_type = zipfile.ZIP_DEFLATED
            archive.writestr(entry, _npy(array), compresslevel=_DEFLATE_LEVEL)
    return buffer.getvalue()


def place_arrays(slices: Sequence[SliceRef], frame_of_reference_uid: str, positioned: bool) -> dict[str, NDArray[Any]]:
    """A ``Place`` as arrays."""
    return {
        "sop_instance_uids": np.array([ref.sop_instance_uid for ref in slices], dtype=np.str_),
        "sop_class_uids": np.array([ref.sop_class_uid for ref in slices], dtype=np.str_),
        "frame_numbers": np.array([ref.frame_number or 0 for ref in slices], dtype=np.int64),
        "frame_of_reference_uid": np.array(frame_of_reference_uid, dtype=np.str_),
        "positioned": np.array(positioned),
    }


def read_place(arrays: Mapping[str, NDArray[Any]]) -> Place:
    """The inverse of ``place_arrays``."""
    uids, classes, numbers = (arrays[name].tolist() for name in ("sop_instance_uids", "sop_class_uids", "frame_numbers"))
    references = zip(uids, classes, numbers, strict=True)
    return {
        "slices": tuple(SliceRef(uid, class_uid, number or None) for uid, class_uid, number in references),
        "frame_of_reference_uid": str(arrays["frame_of_reference_uid"]),
        "positioned": bool(arrays["positioned"]),
    }


def _npy(array: NDArray[Any]) -> bytes:
    buffer = io.BytesIO()
    np.lib.format.write_array(buffer, array, allow_pickle=False)
    return buffer.getvalue()

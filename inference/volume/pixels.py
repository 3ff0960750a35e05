"""Stored pixels to modality values: every transfer syntax that an installed decoder knows, with a bound on memory.

Values are computed in double precision frame by frame, each with its own slope and intercept, and rounded once to float32.
No type is taken from the first frame, and pixel padding is left as it is. Absent on purpose: windows and display look-up
tables. The one exception to "as stored": projection X-ray in MONOCHROME1 is inverted, since a model is trained on one
polarity; elsewhere MONOCHROME1 is a wish for display (PS3.3 C.7.6.3.1.2) and the values keep their sense.
"""

from __future__ import annotations

import struct
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pydicom.dataset import Dataset
from pydicom.encaps import generate_frames
from pydicom.pixels.processing import apply_modality_lut
from pydicom.pixels.utils import pixel_array
from pydicom.uid import UID, JPEG2000TransferSyntaxes, JPEGLSTransferSyntaxes, JPEGTransferSyntaxes

from inference.volume.colour import luma
from inference.volume.frames import Frame
from storage.base.errors import InputError

MAXIMUM_VOXELS = 2**30
"""Voxels of one volume: 4096 slices of 512 x 512, 4 GiB as float32."""

PROJECTION_MODALITIES = frozenset({"CR", "DX", "IO", "MG", "PX", "RF", "RG", "XA"})

_BITS_ALLOCATED = (1, 8, 16, 32, 64)
_CODE_STREAMS = frozenset({*JPEGTransferSyntaxes, *JPEGLSTransferSyntaxes, *JPEG2000TransferSyntaxes})
_END_OF_CODE_STREAM = b"\xff\xd9"  # EOI of ISO/IEC 10918-1 and 14495-1, EOC of 15444-1; zeros or one byte of any value may pad it

# What pydicom's decoders and their plug-ins raise on damaged or unknown pixel data. MemoryError isn't the input's fault.
_DECODER_ERRORS = (
    AttributeError, EOFError, IndexError, KeyError, OSError, RuntimeError, TypeError, ValueError, ZeroDivisionError, struct.error,
)  # fmt: skip


def check_bounds(frames: Sequence[Frame]) -> None:
    """Refuse before anything is allocated.

    Raises
    ------
    InputError
        Code ``no-pixels`` (Rows or Columns is 0 or absent), ``undecodable-pixels`` (Bits Allocated) or ``too-large``.
    """
    for frame in frames:
        if frame.rows < 1 or frame.columns < 1:
            raise InputError("Rows or Columns is absent or 0; send an image series", code="no-pixels")
        if frame.dataset.get("BitsAllocated") not in _BITS_ALLOCATED:
            raise InputError("BitsAllocated is none of 1, 8, 16, 32, 64; correct the header", code="undecodable-pixels")
    voxels = sum(frame.rows * frame.columns for frame in frames)
    if voxels > MAXIMUM_VOXELS:
        raise InputError(
            f"the series has {voxels} voxels, more than the {MAXIMUM_VOXELS} that are read; send a smaller one",
            code="too-large",
            voxels=voxels,
        )


def decode(dataset: Dataset, frames: int, rows: int, columns: int) -> NDArray[Any]:
    """Stored values of every frame of one Instance, the luma of those in colour.

    Returns
    -------
    (F, J, I), integers or floats as stored; floats where it is luma.

    Raises
    ------
    InputError
        Code ``undecodable-pixels``, naming the transfer syntax.
    """
    try:
        _check_complete(dataset, frames)
        stored = np.asarray(pixel_array(dataset))  # YBR comes out as RGB
    except _DECODER_ERRORS as error:
        raise _undecodable(dataset) from error
    samples = 1 if dataset.get("SamplesPerPixel", 1) == 1 else 3
    if stored.size != frames * rows * columns * samples:
        raise _undecodable(dataset)
    return stored.reshape(frames, rows, columns) if samples == 1 else luma(stored.reshape(frames, rows, columns, samples))


def _check_complete(dataset: Dataset, frames: int) -> None:
    """Every JPEG, JPEG-LS and JPEG 2000 code stream ends in its marker: libjpeg silently fills up a stream that was cut short."""
    if dataset.file_meta.TransferSyntaxUID not in _CODE_STREAMS:
        return
    for stream in generate_frames(dataset.PixelData, number_of_frames=frames):
        if _END_OF_CODE_STREAM not in stream.rstrip(b"\0")[-3:]:
            raise ValueError("a code stream without an end marker")


def modality_values(frame: Frame, stored: NDArray[Any]) -> NDArray[np.float32]:
    """Modality LUT or rescale of one frame (PS3.3 C.11.1), rounded once to float32."""
    values = _upright_polarity(frame.dataset, stored)
    if frame.dataset.get("ModalityLUTSequence"):
        return np.asarray(apply_modality_lut(values, frame.dataset), dtype=np.float32)
    scaled: NDArray[np.float64] = values * np.float64(frame.slope) + frame.intercept
    return scaled.astype(np.float32)


def _upright_polarity(dataset: Dataset, stored: NDArray[Any]) -> NDArray[Any]:
    projection = dataset.get("Modality") in PROJECTION_MODALITIES
    if not projection or dataset.get("PhotometricInterpretation") != "MONOCHROME1":
        return stored
    signed = dataset.get("PixelRepresentation", 0) == 1
    top = -1 if signed else (1 << int(dataset.get("BitsStored") or dataset.BitsAllocated)) - 1
    return np.asarray(top - stored.astype(np.int64))


def _undecodable(dataset: Dataset) -> InputError:
    meta = getattr(dataset, "file_meta", None)
    uid = UID(str(meta.get("TransferSyntaxUID", "")) if meta is not None else "")
    return InputError(
        f"pixel data in transfer syntax {uid.name or 'unknown'} ({uid or 'absent'}) can't be decoded; "
        "resend the series uncompressed (Explicit VR Little Endian)",
        code="undecodable-pixels",
        transfer_syntax_uid=str(uid),
    )

"""The header of a spooled object: its data set without bulk data, in the DICOM JSON model (PS3.18 F).

Memory stays bounded whatever a peer sent: large and binary elements are stepped over unread, a deflated data set is read and
inflated up to a limit. What can't be decoded is left out: the header serves rules and pages, the object keeps all.
Two ways lead to the same header: `direct`, for nearly every object, and pydicom for whatever that declines.
"""

from __future__ import annotations

import math
import warnings
from collections.abc import Iterator
from contextlib import suppress
from io import BytesIO
from pathlib import Path
from typing import Any

from pydicom.dataset import Dataset
from pydicom.errors import BytesLengthException
from pydicom.filereader import read_dataset

from node.receive.dataset.direct import read_direct
from node.receive.dataset.elements import PIXEL_DATA, Element, Malformed, TooMany, top_level
from node.receive.dataset.encodings import Encoding, encoding_of
from node.receive.dataset.filebytes import FileBytes
from node.receive.dataset.identity import inflate
from node.receive.dataset.limits import (
    BULK_VRS,
    LARGEST_DEFLATED_BYTES,
    LARGEST_ELEMENT_BYTES,
    LARGEST_HEADER_BYTES,
    LARGEST_INFLATED_BYTES,
    LARGEST_SEQUENCE_BYTES,
    MOST_HEADER_PARTS,
    MOST_WALKED_PARTS,
    Header,
    size_of,
)
from node.receive.dataset.values import Declined

__all__ = ["Header", "read_header"]

# What pydicom raises on values that break their VR: the element is left out.
_UNDECODABLE = (
    ValueError,
    TypeError,
    KeyError,
    AttributeError,
    NotImplementedError,
    ArithmeticError,
    RecursionError,
    LookupError,
    BytesLengthException,
)


def read_header(path: Path, data_offset: int, transfer_syntax_uid: str) -> Header:
    """The header of the object in ``path``, whose data set begins at ``data_offset``.

    Raises
    ------
    Malformed
        The data set's structure is broken (it was whole when it was received).
    OSError
        The file can't be read.
    """
    encoding = encoding_of(transfer_syntax_uid)
    with path.open("rb", buffering=0) as file:
        data = FileBytes(file.fileno(), data_offset)
        if not (encoding.deflated or encoding.big_endian):
            with suppress(Declined):
                return read_direct(data, encoding.implicit_vr)
        return _by_pydicom(data, encoding)


def _by_pydicom(data: FileBytes, encoding: Encoding) -> Header:
    chosen = _deflated(data, encoding) if encoding.deflated else b"".join(_chosen(data, encoding))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # pydicom's warnings quote values
        dataset = read_dataset(BytesIO(chosen), encoding.implicit_vr, not encoding.big_endian)
        return _json(dataset)


def _deflated(data: FileBytes, encoding: Encoding) -> bytes:
    inflated, whole = inflate(data[:LARGEST_DEFLATED_BYTES], LARGEST_INFLATED_BYTES)
    pieces: list[bytes] = []
    try:
        pieces.extend(_chosen(inflated, encoding))
    except Malformed as error:
        if whole or error.reason_code != "truncated":
            raise
    return b"".join(pieces)


def _chosen(data: bytes | FileBytes, encoding: Encoding) -> Iterator[bytes]:
    """The encoded elements that a header holds: all that belong to it, as long as they aren't too many or too large together."""
    left_bytes, left_parts = LARGEST_HEADER_BYTES, MOST_HEADER_PARTS
    with suppress(TooMany):  # it was whole when it was received; what comes after so many elements is left out
        for element in top_level(data, encoding, MOST_WALKED_PARTS):
            if element.tag >= PIXEL_DATA >> 16 << 16:
                return
            size = element.end - element.start
            if _belongs(element) and size <= left_bytes and element.parts <= left_parts:
                left_bytes -= size
                left_parts -= element.parts
                yield bytes(data[element.start : element.end])


def _belongs(element: Element) -> bool:
    size = element.end - element.value
    if element.tag & 0xFFFF == 0 or element.tag >> 16 < 8 or element.vr in BULK_VRS - {"UN"}:
        return False
    return size <= (LARGEST_SEQUENCE_BYTES if element.is_sequence else LARGEST_ELEMENT_BYTES)


def _json(dataset: Dataset) -> Header:
    header: Header = {}
    for tag in sorted(dataset.keys()):
        try:
            element = dataset[tag]
            if element.VR in BULK_VRS or tag.element == 0:
                continue
            if element.VR == "SQ":
                header[f"{tag:08X}"] = {"vr": "SQ", "Value": [_json(item) for item in element.value]}
            else:
                found = element.to_json_dict(None, 0)
                if size_of(found.get("Value", ())) <= LARGEST_ELEMENT_BYTES:
                    header[f"{tag:08X}"] = _plain(found)
        except _UNDECODABLE:
            continue
    return header


def _plain(value: Any) -> Any:
    """Without what JSON and databases can't hold: NUL, lone surrogates, infinities."""
    if isinstance(value, str):
        return value.replace("\0", "").encode("utf-8", "replace").decode("utf-8")
    if isinstance(value, float) and not math.isfinite(value):
        return None
    if isinstance(value, list):
        return [_plain(inner) for inner in value]
    if isinstance(value, dict):
        return {key: _plain(inner) for key, inner in value.items()}
    return value

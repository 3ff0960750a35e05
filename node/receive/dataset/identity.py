"""Which instance a data set is: the UIDs and the modality, read from its bytes after its structure has been checked."""

from __future__ import annotations

import re
import zlib
from collections.abc import Iterable
from dataclasses import dataclass
from threading import Semaphore

from node.receive.dataset.elements import Element, Malformed, top_level
from node.receive.dataset.encodings import Encoding, encoding_of
from node.receive.dataset.filebytes import FileBytes
from storage.base.errors import PeerError
from storage.base.uids import check_uid

SOP_CLASS_UID, SOP_INSTANCE_UID, MODALITY = 0x00080016, 0x00080018, 0x00080060
STUDY_INSTANCE_UID, SERIES_INSTANCE_UID = 0x0020000D, 0x0020000E

INFLATED_IN_MEMORY = 16 * 2**20
MAX_INFLATED = 4 * 2**30
_CHUNK = 2**20
# How many threads hold inflated bytes at a time: memory doesn't grow with the number of associations.
_INFLATING = Semaphore(2)
_WANTED = frozenset({SOP_CLASS_UID, SOP_INSTANCE_UID, MODALITY, STUDY_INSTANCE_UID, SERIES_INSTANCE_UID})
_LONGEST_WANTED = 256
_CODE_STRING = re.compile(r"[A-Z0-9_ ]{1,16}")


@dataclass(frozen=True)
class Identity:
    """Names of an instance as its data set gives them. ``modality`` is "" where it is absent or no code string."""

    sop_class_uid: str
    sop_instance_uid: str
    study_instance_uid: str
    series_instance_uid: str
    modality: str


def identify(data: bytes | memoryview | FileBytes, transfer_syntax_uid: str) -> Identity:
    """Check a data set's structure to its end and read its identity.

    Raises
    ------
    PeerError
        ``Malformed`` (``truncated``, ``too-deep``, ``unparsable``); code ``missing-uid``; code ``bad-dataset-uid`` for a Study
        or Series Instance UID that breaks PS3.5 9.1. The fact ``tag`` names the element.
    """
    encoding = encoding_of(transfer_syntax_uid)
    if not encoding.deflated:
        return _identity(_wanted(data, top_level(data, encoding, only=_WANTED)))
    with _INFLATING:
        inflated, whole = inflate(data, INFLATED_IN_MEMORY)
        found = _wanted(inflated, _elements(inflated, encoding, whole))
        del inflated
    if not whole:
        check_inflates(data)
    return _identity(found)


def inflate(data: bytes | memoryview | FileBytes, limit: int) -> tuple[bytes, bool]:
    """Up to ``limit`` bytes of a deflated data set (PS3.5 A.5), and whether that is all of it.

    Raises
    ------
    Malformed
        It is no deflate stream, or ends before its end.
    """
    stream = zlib.decompressobj(-zlib.MAX_WBITS)
    pieces: list[bytes] = []
    left = limit
    try:
        for start in range(0, len(data), _CHUNK):
            pieces.append(stream.decompress(data[start : start + _CHUNK], left))
            left -= len(pieces[-1])
            if stream.eof or not left:
                break
    except zlib.error as error:
        raise Malformed("the deflated data set can't be inflated") from error
    if not stream.eof and left:
        raise Malformed("the deflated data set ends too early", code="truncated")
    return b"".join(pieces), stream.eof


def check_inflates(data: bytes | memoryview | FileBytes) -> None:
    """Inflate to the end in small pieces that are thrown away, so that no ratio of compression costs memory."""
    stream = zlib.decompressobj(-zlib.MAX_WBITS)
    total = 0
    try:
        for start in range(0, len(data), _CHUNK):
            piece: bytes | memoryview = data[start : start + _CHUNK]
            full = True
            while (len(piece) or full) and not stream.eof:  # after a full piece zlib may hold more of it without input
                size = len(stream.decompress(piece, _CHUNK))
                total, full = total + size, size == _CHUNK
                piece = stream.unconsumed_tail
                if total > MAX_INFLATED:
                    raise Malformed(f"the deflated data set holds more than {MAX_INFLATED} bytes")
    except zlib.error as error:
        raise Malformed("the deflated data set can't be inflated") from error
    if not stream.eof:
        raise Malformed("the deflated data set ends too early", code="truncated")


def _elements(inflated: bytes, encoding: Encoding, whole: bool) -> Iterable[Element]:
    """The elements of a data set of which perhaps the first part alone was kept: there, its cut is no fault."""
    try:
        yield from top_level(inflated, encoding, only=_WANTED)
    except Malformed as error:
        if whole or error.reason_code != "truncated":
            raise


def _wanted(data: bytes | memoryview | FileBytes, elements: Iterable[Element]) -> dict[int, str]:
    found: dict[int, str] = {}
    for element in elements:
        if element.tag in _WANTED and element.end - element.value <= _LONGEST_WANTED:
            raw = bytes(data[element.value : element.end])
            # Latin-1 never fails; what is no ASCII fails the checks that follow.
            found[element.tag] = raw.decode("latin-1").strip("\0 ")
    return found


def _identity(found: dict[int, str]) -> Identity:
    for tag in (SOP_CLASS_UID, SOP_INSTANCE_UID, STUDY_INSTANCE_UID, SERIES_INSTANCE_UID):
        if not found.get(tag):
            raise PeerError("the data set lacks a UID that names it", code="missing-uid", tag=f"{tag:08X}")
    for tag in (STUDY_INSTANCE_UID, SERIES_INSTANCE_UID):
        try:
            check_uid(found[tag])
        except PeerError as error:
            raise PeerError(error.message, code="bad-dataset-uid", tag=f"{tag:08X}") from error
    modality = found.get(MODALITY, "")
    return Identity(
        found[SOP_CLASS_UID],
        found[SOP_INSTANCE_UID],
        found[STUDY_INSTANCE_UID],
        found[SERIES_INSTANCE_UID],
        modality if _CODE_STRING.fullmatch(modality) else "",
    )

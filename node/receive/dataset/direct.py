"""A header read in one pass over the first pages of an object: structure and values together, without pydicom.

For what nearly every object is: little endian, elements in ascending order, common VRs. Anything else is `Declined` and read the
long way, which also is the one that says what is wrong with a data set.
Source: PS3.5 7.1 (elements), 7.5 (nesting), 7.8 (private).
"""

from __future__ import annotations

import struct
from typing import Any

from node.receive.dataset.elements import MAX_DEPTH, PIXEL_DATA
from node.receive.dataset.filebytes import PAGE_BYTES, FileBytes
from node.receive.dataset.limits import (
    BULK_VRS,
    LARGEST_ELEMENT_BYTES,
    LARGEST_HEADER_BYTES,
    LARGEST_SEQUENCE_BYTES,
    MOST_HEADER_PARTS,
    Header,
    size_of,
)
from node.receive.dataset.values import CONVERT, DEFAULT_CODEC, Declined, codec_of, private_vr, public_vr

_UNDEFINED = 0xFFFFFFFF
_ITEM, _ITEM_END, _SEQUENCE_END = 0xFFFEE000, 0xFFFEE00D, 0xFFFEE0DD
_END_OF_HEADER = PIXEL_DATA >> 16 << 16
_SMALL = LARGEST_ELEMENT_BYTES // 8  # fewer bytes than this can't grow over the limit as text
_CHARACTER_SET, _PIXEL_REPRESENTATION = 0x00080005, 0x00280103
_TABLE_DESCRIPTORS = frozenset((0x00281101, 0x00281102, 0x00281103, 0x00283002))  # pydicom mends their first value
_LONG = frozenset((b"OB", b"OD", b"OF", b"OL", b"OV", b"OW", b"SQ", b"SV", b"UC", b"UN", b"UR", b"UT", b"UV"))
_VRS = {vr.encode(): vr for vr in (*CONVERT, *BULK_VRS - {"OB or OW"}, "SQ", "UN")}
_explicit = struct.Struct("<HH2sH").unpack_from
_implicit = struct.Struct("<HHI").unpack_from
_mark = struct.Struct("<HHI").unpack_from
_length = struct.Struct("<I").unpack_from


class _Short(Declined):
    """The bytes at hand end before the element."""


def read_direct(file: FileBytes, implicit_vr: bool) -> Header:
    """The header of a data set.

    Raises
    ------
    Declined
        It isn't plain enough; nothing is known of it then.
    OSError
        The file can't be read.
    """
    level = _Level(implicit_vr, DEFAULT_CODEC, _Budget())
    page, base, pos, total = file[:PAGE_BYTES], 0, 0, len(file)
    left_bytes = LARGEST_HEADER_BYTES
    while pos < total:
        if pos + 12 > base + len(page) < total:
            page, base = file[pos : pos + PAGE_BYTES], pos
        tag, vr, value, length = level.element(page, pos - base)
        if tag >= _END_OF_HEADER:
            break
        value += base
        if length != _UNDEFINED and (length > total - value or (length > LARGEST_SEQUENCE_BYTES and vr == "SQ")):
            raise Declined
        if tag & 0xFFFF == 0 or tag >> 16 < 8 or vr in BULK_VRS or (vr != "SQ" and length > LARGEST_ELEMENT_BYTES):
            if length == _UNDEFINED:
                raise Declined
            pos = value + length
            continue
        start = pos
        pos, page, base = _take(level, file, page, base, (tag, vr, value, length))
        left_bytes -= pos - start
        if left_bytes < 0:
            raise Declined
    return level.header


def _take(level: _Level, file: FileBytes, page: bytes, base: int, element: tuple[int, str, int, int]) -> tuple[int, bytes, int]:
    """Take one element into the header, with as much of the file as it needs; where it ends, and the page at hand then."""
    tag, vr, value, length = element
    size = PAGE_BYTES if length == _UNDEFINED else length
    if length != _UNDEFINED and value + length > base + len(page):
        page, base = file[value : value + max(length, PAGE_BYTES)], value
    while True:
        try:
            return base + level.take(page, tag, vr, value - base, length, 0), page, base
        except _Short as error:
            if length != _UNDEFINED or base + len(page) >= len(file) or size > LARGEST_SEQUENCE_BYTES:
                raise Declined from error
        size *= 4
        page, base = file[value : value + size], value


class _Budget:
    """How many elements and items may still come."""

    __slots__ = ("parts",)

    def __init__(self) -> None:
        self.parts = MOST_HEADER_PARTS


class _Level:
    """One data set: the whole one, or an item of a sequence."""

    __slots__ = ("_budget", "_codec", "_creators", "_implicit", "_last", "_signed", "header")

    def __init__(self, implicit_vr: bool, codec: str | None, budget: _Budget) -> None:
        self.header: Header = {}
        self._budget = budget
        budget.parts -= 1
        self._implicit = implicit_vr
        self._codec = codec
        self._last = -1
        self._creators: dict[int, str] = {}
        self._signed: Any = None

    def element(self, data: bytes, pos: int) -> tuple[int, str, int, int]:
        """Tag, VR, position of the value and its length; the VR is the dictionary's where it is implicit or unknown."""
        try:
            if self._implicit:
                group, number, length = _implicit(data, pos)
                tag, vr, value = group << 16 | number, "UN", pos + 8
            else:
                group, number, code, length = _explicit(data, pos)
                tag, vr, value = group << 16 | number, _VRS.get(code, ""), pos + 8
                if code in _LONG:
                    (length,) = _length(data, pos + 8)
                    value = pos + 12
        except struct.error as error:
            raise _Short from error
        if tag == _ITEM_END:
            return tag, "", value, length
        self._budget.parts -= 1
        if tag <= self._last or not vr or group == 0xFFFE or self._budget.parts < 0:
            raise Declined
        self._last = tag
        return tag, self._known_vr(tag, length) if vr == "UN" else vr, value, length

    def _known_vr(self, tag: int, length: int) -> str:
        """The VR of an element that came without one (PS3.5 6.2.2)."""
        if tag >> 16 & 1:
            number = tag & 0xFFFF
            if 0x10 <= number <= 0xFF:
                return "LO"
            creator = self._creators.get(tag & 0xFFFF0000 | number >> 8, "") if number & 0xFF00 else ""
            vr = private_vr(tag, creator) if creator else "UN"
        elif self._implicit or length < 0xFFFF:
            vr = public_vr(tag)
        else:
            vr = "UN"
        if vr == "US or SS" and self._implicit and self._signed is not None:
            return "SS" if self._signed else "US"
        if not self._implicit and vr == "SQ":
            raise Declined
        return vr

    def take(self, data: bytes, tag: int, vr: str, value: int, length: int, depth: int) -> int:
        """Put an element into the header; where it ends."""
        if vr == "SQ":
            items, end = self._items(data, value, length, depth + 1)
            self.header[f"{tag:08X}"] = {"vr": "SQ", "Value": items}
            return end
        convert = CONVERT.get(vr)
        end = value + length
        if convert is None or length == _UNDEFINED:
            raise Declined
        if end > len(data):
            raise _Short
        values = convert(data[value:end], self._codec)
        if length < _SMALL or size_of(values) <= LARGEST_ELEMENT_BYTES:
            self.header[f"{tag:08X}"] = {"vr": vr, "Value": values} if values else {"vr": vr}
        if tag >> 16 & 1 and tag & 0xFFFF <= 0xFF and values:
            self._creators[tag] = _creator(values)
        elif tag == _CHARACTER_SET:
            self._codec = self._next_codec(values, depth)
        elif tag == _PIXEL_REPRESENTATION and depth == 0:
            self._signed = values[0] if values else None
        elif vr == "SS" and tag in _TABLE_DESCRIPTORS:
            raise Declined
        return end

    def _next_codec(self, values: list[Any], depth: int) -> str | None:
        codec = codec_of(values)
        if depth and codec != self._codec:
            raise Declined
        return codec

    def _items(self, data: bytes, pos: int, length: int, depth: int) -> tuple[list[Header], int]:
        if depth > MAX_DEPTH:
            raise Declined
        end = -1 if length == _UNDEFINED else pos + length
        if end > len(data):
            raise _Short
        items: list[Header] = []
        while pos != end:
            if pos + 8 > len(data):
                raise _Short
            group, number, size = _mark(data, pos)
            mark = group << 16 | number
            pos += 8
            if mark == _SEQUENCE_END and end == -1:
                return items, pos
            if mark != _ITEM or (end != -1 and size != _UNDEFINED and pos + size > end):
                raise Declined
            if self._budget.parts < 0:
                raise Declined
            level = _Level(self._implicit, self._codec, self._budget)
            pos = level.item(data, pos, -1 if size == _UNDEFINED else pos + size, depth)
            items.append(level.header)
        return items, pos

    def item(self, data: bytes, pos: int, end: int, depth: int) -> int:
        """Read the elements of an item up to ``end``, or to its delimiter where that is -1; where it ends."""
        if end > len(data):
            raise _Short
        while pos != end:
            if pos > end != -1:
                raise Declined
            tag, vr, value, length = self.element(data, pos)
            if tag == _ITEM_END:
                if end != -1:
                    raise Declined
                return value
            if tag & 0xFFFF == 0 or vr in BULK_VRS:
                if length == _UNDEFINED:
                    raise Declined
                pos = value + length
            else:
                pos = self.take(data, tag, vr, value, length, depth)
        return pos


def _creator(values: list[Any]) -> str:
    if len(values) > 1 or not isinstance(values[0], str):
        raise Declined
    return values[0]

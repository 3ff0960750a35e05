"""The structure of an encoded data set, checked without decoding a value: element after element, to the very last byte.

This runs on a peer's bytes before they are acknowledged, so everything is bounded: nesting, number of elements, inflated size.
Absent on purpose: values (pydicom decodes those, later and elsewhere), pixels, and any tolerance: what pydicom would have to
guess is refused here while the sender can still be told.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import dataclass
from typing import NamedTuple

from pydicom._dicom_dict import DicomDictionary

from node.receive.dataset.encodings import Encoding
from node.receive.dataset.filebytes import FileBytes
from storage.base.errors import PeerError

MAX_DEPTH = 32
MAX_ELEMENTS = 4_000_000

PIXEL_DATA = 0x7FE00010
_ITEM, _ITEM_END, _SEQUENCE_END = 0xFFFEE000, 0xFFFEE00D, 0xFFFEE0DD
_UNDEFINED = 0xFFFFFFFF
_SHORTEST_HEADER, _LONGEST_HEADER = 8, 12
_SHORT_VRS = frozenset(
    ("AE", "AS", "AT", "CS", "DA", "DS", "DT", "FD", "FL", "IS", "LO", "LT", "PN", "SH", "SL", "SS", "ST", "TM", "UI", "UL", "US")
)
_SEQUENCES = frozenset(tag for tag, entry in DicomDictionary.items() if entry[0] == "SQ")


class Malformed(PeerError):
    """The data set can't be read to its end."""

    code = "unparsable"

    def __init__(self, message: str, *, code: str = "unparsable", tag: int = 0) -> None:
        super().__init__(message, code=code, tag=f"{tag:08X}")
        self.tag = tag


class TooMany(Malformed):
    """It has more elements than are looked at."""


class Element(NamedTuple):
    """A top-level element: its bytes are ``[start, end)``, its value ``[value, end)``. ``vr`` is "" where it is implicit.

    ``parts``: itself, the elements and items within it, and at most how many more would show in values of VR UN.
    """

    tag: int
    vr: str
    start: int
    value: int
    end: int
    parts: int = 1

    @property
    def is_sequence(self) -> bool:
        """Whether it holds items, as far as its VR or, where that is implicit, the dictionary tells."""
        return self.vr == "SQ" or (self.vr == "" and self.tag in _SEQUENCES)


@dataclass(frozen=True)
class _Form:
    implicit_vr: bool
    tag: struct.Struct
    length: struct.Struct
    short_length: struct.Struct


_IMPLICIT = _Form(True, struct.Struct("<HH"), struct.Struct("<I"), struct.Struct("<H"))
_LITTLE = _Form(False, _IMPLICIT.tag, _IMPLICIT.length, _IMPLICIT.short_length)
_PLAIN_HEADER, _IMPLICIT_HEADER = struct.Struct("<HH2sH"), struct.Struct("<HHI")
_PLAIN_VRS = {vr.encode(): vr for vr in _SHORT_VRS}
_BIG = _Form(False, struct.Struct(">HH"), struct.Struct(">I"), struct.Struct(">H"))


def top_level(
    data: bytes | memoryview | FileBytes, encoding: Encoding, most: int = MAX_ELEMENTS, only: frozenset[int] | None = None
) -> Iterator[Element]:
    """Each top-level element of an inflated data set, after its inside has been checked; of a file, values aren't read.

    With ``only``, others than those tags may be left out; they are checked all the same.

    Raises
    ------
    Malformed
        Code ``truncated``, ``too-deep`` or ``unparsable``, with the tag at which it was found; `TooMany` for more elements and
        items than ``most``.

    Source: PS3.5 7.1 (elements), 7.5 (nesting), A.4 (encapsulated pixel data), 6.2.2 (UN of undefined length).
    """
    form = _BIG if encoding.big_endian else _IMPLICIT if encoding.implicit_vr else _LITTLE
    walk = _FileWalk(data, most) if isinstance(data, FileBytes) else _Walk(data, most)
    pos, size = 0, len(data)
    while pos < size:
        if only is not None and form is not _BIG:
            pos = walk.skip_implicit(pos, only) if form.implicit_vr else walk.skip_plain(pos, only)
            if pos == size:
                return
        if form is _LITTLE and (plain := walk.plain(pos)) is not None:
            yield plain
            pos = plain.end
            continue
        before = walk.parts
        tag, vr, length, value = walk.header(pos, size, form)
        if tag >> 16 == 0xFFFE:
            raise Malformed("an item delimiter stands outside a sequence", tag=tag)
        end = walk.end_of_value(tag, vr, length, value, size, form, 0)
        yield Element(tag, vr, pos, value, end, walk.parts - before)
        pos = end


class _Walk:
    """One pass over one data set's bytes."""

    def __init__(self, data: bytes | memoryview, most: int) -> None:
        self._data = data
        self._start, self._size = 0, len(data)
        self._most = most
        self._count = 0
        self._hidden = 0

    def plain(self, pos: int) -> Element | None:
        """The element at ``pos`` of explicit VR little endian, if it is of the kind that most are: whole, and of a short VR.

        None says nothing but that `header` must look: every fault is found there.
        """
        at = pos - self._start
        if at < 0 or at + _SHORTEST_HEADER > len(self._data):
            return None
        group, number, letters, length = _PLAIN_HEADER.unpack_from(self._data, at)
        vr, value = _PLAIN_VRS.get(letters), pos + _SHORTEST_HEADER
        if vr is None or group == 0xFFFE or value + length > self._size or self._count >= self._most:
            return None
        self._count += 1
        return Element(group << 16 | number, vr, pos, value, value + length)

    def skip_plain(self, pos: int, only: frozenset[int]) -> int:
        """Step over elements of the kind of `plain` up to the first that is another, or among ``only``; where that begins."""
        data, start, size, unpack = self._data, self._start, self._size, _PLAIN_HEADER.unpack_from
        last = start + len(data) - _SHORTEST_HEADER
        count, most = self._count, self._most
        while start <= pos <= last and count < most:
            group, number, letters, length = unpack(data, pos - start)
            end = pos + _SHORTEST_HEADER + length
            if letters not in _PLAIN_VRS or group == 0xFFFE or end > size or group << 16 | number in only:
                break
            pos = end
            count += 1
        self._count = count
        return pos

    def skip_implicit(self, pos: int, only: frozenset[int]) -> int:
        """The same of implicit VR, where elements are of that kind if the dictionary knows no sequence of their tag."""
        data, start, size, unpack = self._data, self._start, self._size, _IMPLICIT_HEADER.unpack_from
        last = start + len(data) - _SHORTEST_HEADER
        count, most = self._count, self._most
        while start <= pos <= last and count < most:
            group, number, length = unpack(data, pos - start)
            end, tag = pos + _SHORTEST_HEADER + length, group << 16 | number
            if length == _UNDEFINED or group == 0xFFFE or end > size or tag in _SEQUENCES or tag in only:
                break
            pos = end
            count += 1
        self._count = count
        return pos

    @property
    def parts(self) -> int:
        """How many elements and items there were, and at most how many are hidden in values of VR UN (PS3.5 6.2.2)."""
        return self._count + self._hidden

    def header(self, pos: int, limit: int, form: _Form) -> tuple[int, str, int, int]:
        """Tag, VR, length and position of the value of the element at ``pos``."""
        self._count += 1
        if self._count > self._most:
            raise TooMany(f"more than {self._most} elements")
        if limit - pos < 8:
            raise Malformed("ends within an element's header", code="truncated")
        group, number = form.tag.unpack_from(self._data, pos)
        tag = group << 16 | number
        if form.implicit_vr or group == 0xFFFE:
            return tag, "", form.length.unpack_from(self._data, pos + 4)[0], pos + 8
        vr = self._vr(pos + 4, tag)
        if vr in _SHORT_VRS:
            return tag, vr, form.short_length.unpack_from(self._data, pos + 6)[0], pos + 8
        if limit - pos < 12:
            raise Malformed("ends within an element's header", code="truncated", tag=tag)
        return tag, vr, form.length.unpack_from(self._data, pos + 8)[0], pos + 12

    def _vr(self, pos: int, tag: int) -> str:
        first, second = self._data[pos], self._data[pos + 1]
        if not (65 <= first <= 90 and 65 <= second <= 90):
            raise Malformed("a value representation isn't two capital letters", tag=tag)
        return chr(first) + chr(second)

    def end_of_value(self, tag: int, vr: str, length: int, value: int, limit: int, form: _Form, depth: int) -> int:
        """Where the value ends; sequences are walked, fragments counted, everything else skipped."""
        if length != _UNDEFINED:
            end = value + length
            if end > limit:
                raise Malformed("ends within a value", code="truncated", tag=tag)
            if vr == "SQ" or (form.implicit_vr and tag in _SEQUENCES):
                self._items(tag, value, end, end, form, depth + 1)
            elif vr == "UN":
                self._hidden += length // _SHORTEST_HEADER
            return end
        if tag == PIXEL_DATA and vr in ("OB", "OW", ""):
            return self._fragments(tag, value, limit, form)
        if vr in ("SQ", ""):
            return self._items(tag, value, limit, None, form, depth + 1)
        if vr == "UN":
            return self._items(tag, value, limit, None, _IMPLICIT, depth + 1)
        raise Malformed("a value of undefined length isn't a sequence", tag=tag)

    def _items(self, tag: int, pos: int, limit: int, end: int | None, form: _Form, depth: int) -> int:
        """Walk a sequence's items to ``end``, or to the delimiter where ``end`` is None."""
        if depth > MAX_DEPTH:
            raise Malformed(f"sequences are nested deeper than {MAX_DEPTH}", code="too-deep", tag=tag)
        while pos != end:
            mark, _, length, value = self.header(pos, limit, form)
            if mark == _SEQUENCE_END and end is None:
                return value
            if mark != _ITEM:
                raise Malformed("a sequence holds something else than items", tag=tag)
            if length == _UNDEFINED:
                pos = self._dataset(value, limit, None, form, depth)
            elif value + length > limit:
                raise Malformed("ends within an item", code="truncated", tag=tag)
            else:
                pos = self._dataset(value, value + length, value + length, form, depth)
        return pos

    def _dataset(self, pos: int, limit: int, end: int | None, form: _Form, depth: int) -> int:
        """Walk an item's elements to ``end``, or to the delimiter where ``end`` is None."""
        while pos != end:
            tag, vr, length, value = self.header(pos, limit, form)
            if tag == _ITEM_END and end is None:
                return value
            if tag >> 16 == 0xFFFE:
                raise Malformed("an item delimiter stands where none can be", tag=tag)
            pos = self.end_of_value(tag, vr, length, value, limit, form, depth)
        return pos

    def _fragments(self, tag: int, pos: int, limit: int, form: _Form) -> int:
        while True:
            mark, _, length, value = self.header(pos, limit, form)
            if mark == _SEQUENCE_END:
                return value
            if mark != _ITEM or length == _UNDEFINED:
                raise Malformed("encapsulated pixel data holds something else than fragments", tag=tag)
            pos = value + length
            if pos > limit:
                raise Malformed("ends within a fragment", code="truncated", tag=tag)


class _FileWalk(_Walk):
    """The same over a file, of which the headers alone are read."""

    def __init__(self, file: FileBytes, most: int) -> None:
        super().__init__(b"", most)
        self._file = file
        self._size = len(file)

    def header(self, pos: int, limit: int, form: _Form) -> tuple[int, str, int, int]:
        at = pos - self._start
        if at < 0 or at + _LONGEST_HEADER > len(self._data):
            self._data, self._start = self._file.around(pos, _LONGEST_HEADER)
            at = pos - self._start
        tag, vr, length, value = super().header(at, limit - self._start, form)
        return tag, vr, length, self._start + value

"""One line of the journal: ``CRC32 SPACE JSON LF``, the sum of eight hexadecimal digits over the JSON alone.

The JSON is ASCII without NUL or LF, so an LF ends a line wherever a reader begins, and a NUL is never part of one.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from zlib import crc32

from node.receive.spool import records
from node.receive.spool.records import Record, RecordDamaged

_SUM_LENGTH = 9
_NAME = re.compile(rb'"name":"([0-9]{8,}-[0-9]{10,}-[0-9a-f]{8})"')


@dataclass(frozen=True)
class Line:
    """Bytes ``[start, end)`` of a segment. ``record`` is None, and ``name`` perhaps "", where they are damaged."""

    name: str
    start: int
    end: int
    record: Record | None
    raw: bytes


def encode(name: str, record: Record) -> bytes:
    """The line that tells of a record under its name."""
    text = b'{"name":"%s",%s' % (name.encode("ascii"), records.encode(record)[1:])
    return b"%08x %s\n" % (crc32(text), text)


def decode(raw: bytes, start: int) -> Line:
    """The line that is ``raw``, its LF included, and stands at ``start``; never raises."""
    end = start + len(raw)
    text = raw[_SUM_LENGTH:-1]
    if raw[:_SUM_LENGTH] == b"%08x " % crc32(text):
        try:
            fields = json.loads(text)
            return Line(str(fields.pop("name")), start, end, records.of_fields(fields), raw)
        except (RecordDamaged, ValueError, AttributeError, LookupError):  # whole, but none of ours or of a later release
            pass
    found = _NAME.search(raw)
    return Line(found[1].decode("ascii") if found else "", start, end, None, raw)

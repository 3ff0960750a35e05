"""The head of a DICOM file (PS3.10 7.1): preamble, prefix and our file meta information, before data set bytes as received."""

from __future__ import annotations

import struct

from storage.base.uids import derive_uid

IMPLEMENTATION_CLASS_UID = derive_uid("wetread", "implementation class")
IMPLEMENTATION_VERSION_NAME = "WETREAD"
PREAMBLE = bytes(128) + b"DICM"
_SYNTAX_MARK = struct.pack("<HH2s", 0x0002, 0x0010, b"UI")


def file_head(sop_class_uid: str, sop_instance_uid: str, transfer_syntax_uid: str) -> bytes:
    """Everything before the data set. It depends on the arguments alone, so equal data sets make equal files.

    The source's AE title (0002,0016) is absent on purpose: it belongs to the arrival, and the same object may come from two.
    """
    meta = b"".join(
        (
            struct.pack("<HH2sHIH", 2, 0x0001, b"OB", 0, 2, 0x0100),
            _element(0x0002, "UI", sop_class_uid),
            _element(0x0003, "UI", sop_instance_uid),
            _element(0x0010, "UI", transfer_syntax_uid),
            _element(0x0012, "UI", IMPLEMENTATION_CLASS_UID),
            _element(0x0013, "SH", IMPLEMENTATION_VERSION_NAME),
        )
    )
    return PREAMBLE + struct.pack("<HH2sHI", 2, 0x0000, b"UL", 4, len(meta)) + meta


def syntax_of(head: bytes) -> str:
    """The transfer syntax that a head of ours names; "" of anything else. ``head`` may be followed by some of the data set."""
    at = head.find(_SYNTAX_MARK, len(PREAMBLE))
    if not head.startswith(PREAMBLE) or not 0 <= at <= len(head) - 8:
        return ""
    (size,) = struct.unpack_from("<H", head, at + 6)
    return head[at + 8 : at + 8 + size].rstrip(b"\0").decode("latin-1")


def _element(number: int, vr: str, text: str) -> bytes:
    value = text.encode("ascii")
    if len(value) % 2:
        value += b"\0" if vr == "UI" else b" "
    return struct.pack("<HH2sH", 2, number, vr.encode("ascii"), len(value)) + value

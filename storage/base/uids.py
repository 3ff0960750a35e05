"""DICOM UIDs: the check of those from peers, and our own, derived so that a repeated run names the same object."""

from __future__ import annotations

import hashlib
import re

from storage.base.errors import PeerError

_UID = re.compile(r"(0|[1-9][0-9]*)(\.(0|[1-9][0-9]*))*")
MAX_LENGTH = 64


def check_uid(text: str) -> str:
    """Return ``text`` if it is a UID (PS3.5 9.1): up to 64 characters, numbers without leading zeros joined by dots.

    Raises
    ------
    PeerError
        Code ``bad-uid``. The text is not repeated in the message: it may be anything.
    """
    if len(text) > MAX_LENGTH or not _UID.fullmatch(text):
        raise PeerError("a UID isn't numbers joined by dots within 64 characters (PS3.5 9.1)", code="bad-uid", length=len(text))
    return text


def derive_uid(*entropy: str) -> str:
    """A UID in the 2.25 arc (PS3.5 B.2) that depends on ``entropy`` alone: the same parts in the same order, the same UID.

    The parts are hashed with their lengths, so ("ab", "c") and ("a", "bc") differ. The number is a UUID of version 8.
    """
    digest = hashlib.sha256()
    for part in entropy:
        data = part.encode()
        digest.update(len(data).to_bytes(8, "big") + data)
    number = int.from_bytes(digest.digest()[:16], "big")
    number = number & ~(0xF << 76) | (0x8 << 76)  # version 8: content of the author's own making (RFC 9562 5.8)
    number = number & ~(0x3 << 62) | (0x2 << 62)  # variant
    return f"2.25.{number}"

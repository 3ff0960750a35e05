"""A-ASSOCIATE-RQ PDUs are decoded once for a sender of one association per image."""

from __future__ import annotations

from typing import Any

_MOST_REQUESTS, _MOST_REQUEST_BYTES = 16, 16 * 2**10
_USER_IDENTITY = b"\x58\x00"  # the head of its sub-item (PS3.7 D.3.3.7); may stand for something else, which is no harm


class Remembered:
    """A-ASSOCIATE-RQ PDUs that were decoded lately: a sender of one association per image says the same each time.

    Nobody changes a decoded PDU; the state machine makes a primitive of its own from it.
    """

    def __init__(self) -> None:
        self._kept: dict[bytes, Any] = {}

    def decode(self, pdu: bytes) -> tuple[Any, str] | None:
        """The decoded PDU and its event, None for one that wasn't seen."""
        found = self._kept.get(pdu)
        return None if found is None else (found, "Evt6")

    def keep(self, pdu: bytes, decoded: Any) -> None:
        """Remember one of ordinary size that names no user, whose passcode is nothing to be kept."""
        if len(pdu) > _MOST_REQUEST_BYTES or _USER_IDENTITY in pdu:
            return
        if len(self._kept) >= _MOST_REQUESTS:
            self._kept.clear()
        self._kept[pdu] = decoded


remembered = Remembered()

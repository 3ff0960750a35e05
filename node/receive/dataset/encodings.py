"""Transfer syntaxes as the receiver needs them: which are taken, how their data sets are encoded, which are preferred.

Nothing is ever transcoded: an object is kept in the syntax in which it came (PS3.5 clause 10, Annex A).
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from pydicom._uid_dict import UID_dictionary

from storage.base.errors import PeerError
from storage.base.uids import check_uid

IMPLICIT_VR_LITTLE_ENDIAN = "1.2.840.10008.1.2"
EXPLICIT_VR_LITTLE_ENDIAN = "1.2.840.10008.1.2.1"
EXPLICIT_VR_BIG_ENDIAN = "1.2.840.10008.1.2.2"

_COMPRESSED = "1.2.840.10008.1.2.4."
_DEFLATED_FRAMES = "1.2.840.10008.1.2.8."
_DEFLATED = frozenset({"1.2.840.10008.1.2.1.99", _COMPRESSED + "95", _COMPRESSED + "205"})
# Not a data set in a C-STORE: MIME and XML encodings, Papyrus files, real-time video streams.
_OTHER = ("1.2.840.10008.1.2.6.", "1.2.840.10008.1.2.7.", "1.2.840.10008.1.20")
_KNOWN = frozenset(uid for uid, entry in UID_dictionary.items() if entry[1] == "Transfer Syntax" and not uid.startswith(_OTHER))
_LOSSLESS = frozenset(_COMPRESSED + str(part) for part in (57, 58, 65, 66, 70, 80, 90, 92, 110, 111, 201, 202)) | {
    "1.2.840.10008.1.2.1.98",
    "1.2.840.10008.1.2.1.99",
    "1.2.840.10008.1.2.5",
    "1.2.840.10008.1.2.8.1",
    EXPLICIT_VR_LITTLE_ENDIAN,
}


@dataclass(frozen=True)
class Encoding:
    """How the elements of a data set are written (PS3.5 7.1)."""

    implicit_vr: bool
    big_endian: bool
    deflated: bool


def encoding_of(transfer_syntax_uid: str) -> Encoding:
    """The encoding of an accepted transfer syntax: explicit VR little endian for all but the few of PS3.5 A.1, A.3, A.5."""
    return Encoding(
        implicit_vr=transfer_syntax_uid == IMPLICIT_VR_LITTLE_ENDIAN,
        big_endian=transfer_syntax_uid == EXPLICIT_VR_BIG_ENDIAN,
        deflated=transfer_syntax_uid in _DEFLATED,
    )


def is_accepted(transfer_syntax_uid: str) -> bool:
    """Whether we take data sets in it: every public one, also of compressions to come; never a private one.

    A private syntax may encode elements in any way, so its data sets could not be checked before they are acknowledged.
    """
    return transfer_syntax_uid in _KNOWN or _is_to_come(transfer_syntax_uid)


def _is_to_come(uid: str) -> bool:
    """Whether a later edition may define it; a text that only begins so is no UID, and perhaps not one that rows can hold."""
    if not uid.startswith((_COMPRESSED, _DEFLATED_FRAMES)):
        return False
    try:
        check_uid(uid)
    except PeerError:
        return False
    return True


def preferred(offered: Iterable[str]) -> list[str]:
    """The accepted ones of ``offered``, best first; equals stay in the sender's order.

    Explicit VR or lossless first, then implicit (it loses the VRs of private elements), then what may lose pixels.
    """
    return sorted((uid for uid in dict.fromkeys(offered) if is_accepted(uid)), key=_rank)


def _rank(uid: str) -> int:
    if uid in _LOSSLESS:
        return 0
    if uid == IMPLICIT_VR_LITTLE_ENDIAN:
        return 1
    return 2 if uid == EXPLICIT_VR_BIG_ENDIAN else 3

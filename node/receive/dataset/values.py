"""Values of the common VRs, converted without pydicom to what the DICOM JSON model holds (PS3.18 F.2), as pydicom would.

What is not plainly of its VR is *declined*, never guessed: the caller then lets pydicom read the whole data set. So this file
decides how fast a header is read and never what it says; a test holds both to equality on every byte string it can think of.
"""

from __future__ import annotations

import math
import re
import struct
from collections.abc import Callable
from functools import lru_cache
from typing import Any

from pydicom.charset import python_encoding
from pydicom.datadict import dictionary_VR, private_dictionary_VR

Values = list[Any]

DEFAULT_CODEC = "iso8859"  # what pydicom reads without a (0008,0005)
_SINGLE_CODED = frozenset(("ISO_IR 6", *(f"ISO_IR {n}" for n in (100, 101, 109, 110, 126, 127, 138, 144, 148, 166, 192))))
_NAME_GROUPS = ("Alphabetic", "Ideographic", "Phonetic")
_WHOLE = rb" *[+-]?[0-9]{1,15} *"
_DECIMAL = rb" *[+-]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][+-]?[0-9]{1,3})? *"
_WHOLES = re.compile(rb"%b(?:\\%b)*" % (_WHOLE, _WHOLE))
_DECIMALS = re.compile(rb"%b(?:\\%b)*" % (_DECIMAL, _DECIMAL))


class Declined(Exception):  # no error: another way is taken
    """This is for pydicom to read."""


def codec_of(character_set: Values) -> str | None:
    """The codec of a Specific Character Set (PS3.3 C.12.1.1.2); None where text beyond ASCII is for pydicom."""
    if not character_set:
        return DEFAULT_CODEC
    if len(character_set) > 1 or character_set[0] not in _SINGLE_CODED:
        return None
    return python_encoding[character_set[0]]


@lru_cache(maxsize=20_000)
def public_vr(tag: int) -> str:
    """The VR of a standard element as the dictionary has it; "UN" where it hasn't."""
    try:
        return dictionary_VR(tag)
    except KeyError:
        return "UN"


@lru_cache(maxsize=20_000)
def private_vr(tag: int, creator: str) -> str:
    """The VR of a private element of a known creator; "UN" where it isn't known."""
    try:
        return private_dictionary_VR(tag, creator)
    except KeyError:
        return "UN"


def _text(raw: bytes, codec: str | None) -> str:
    if raw.isascii():
        text = raw.decode("ascii")
    elif codec is None:
        raise Declined
    else:
        try:
            text = raw.decode(codec)
        except UnicodeError as error:
            raise Declined from error
    text = text.rstrip("\0 ")
    if not text.isprintable() and ("\0" in text or "\x1b" in text):
        raise Declined
    return text


def _plain(raw: bytes) -> str:
    text = _text(raw, None)
    if not text.isprintable():
        raise Declined
    return text


def _texts(raw: bytes, codec: str | None) -> Values:
    text = _text(raw, codec)
    if "\\" not in text:
        return [text] if text else []
    return [one.rstrip(" ") for one in text.split("\\")]


def _one_text(raw: bytes, codec: str | None) -> Values:
    text = _text(raw, codec)
    return [text] if text else []


def _name(raw: bytes, codec: str | None) -> Values:
    text = _text(raw, codec)
    if "\\" in text:
        raise Declined
    if "=" not in text:
        return [{"Alphabetic": text}] if text else []
    groups = text.rstrip("=").split("=")
    if len(groups) > len(_NAME_GROUPS) or not groups[0]:
        raise Declined
    return [dict(zip(_NAME_GROUPS, groups, strict=False))]


def _strings(raw: bytes, _: str | None) -> Values:
    text = _plain(raw)
    return text.split("\\") if text else []


def _uids(raw: bytes, _: str | None) -> Values:
    if raw.startswith(b" ") or b" " in raw.rstrip(b"\0 "):
        raise Declined
    return _strings(raw, None)


def _titles(raw: bytes, _: str | None) -> Values:
    if b"\0" in raw:
        raise Declined
    text = _plain(raw)
    if "\\" not in text:
        return [text.strip()] if text.strip() else []
    return [one.strip() for one in text.split("\\")]


def _link(raw: bytes, _: str | None) -> Values:
    if b"\0" in raw:
        raise Declined
    text = _plain(raw).rstrip()
    return [text] if text else []


def _wholes(raw: bytes, _: str | None) -> Values:
    if not _WHOLES.fullmatch(raw):
        return _blank(raw)
    return [int(one) for one in raw.split(b"\\")]


def _decimals(raw: bytes, _: str | None) -> Values:
    if not _DECIMALS.fullmatch(raw):
        return _blank(raw)
    values = [float(one) for one in raw.split(b"\\")]
    if not all(map(math.isfinite, values)):
        raise Declined
    return values


def _blank(raw: bytes) -> Values:
    if raw.strip(b" "):
        raise Declined
    return []


def _numbers(code: str) -> Callable[[bytes, str | None], Values]:
    one, size = struct.Struct(f"<{code}"), struct.calcsize(f"<{code}")

    def convert(raw: bytes, _: str | None) -> Values:
        if len(raw) == size:
            return list(one.unpack(raw))
        if len(raw) % size:
            raise Declined
        return list(struct.unpack(f"<{len(raw) // size}{code}", raw))

    return convert


def _reals(code: str) -> Callable[[bytes, str | None], Values]:
    convert = _numbers(code)
    # JSON holds no infinity and no NaN.
    return lambda raw, codec: [value if math.isfinite(value) else None for value in convert(raw, codec)]


def _tags(raw: bytes, _: str | None) -> Values:
    if len(raw) % 4:
        raise Declined
    return [f"{group:04X}{number:04X}" for group, number in struct.iter_unpack("<HH", raw)]


CONVERT: dict[str, Callable[[bytes, str | None], Values]] = {
    **dict.fromkeys(("AS", "CS", "DA", "DT", "TM"), _strings),
    **dict.fromkeys(("LO", "SH", "UC"), _texts),
    **dict.fromkeys(("LT", "ST", "UT"), _one_text),
    **{vr: _numbers(code) for vr, code in (("US", "H"), ("SS", "h"), ("UL", "L"), ("SL", "l"), ("UV", "Q"), ("SV", "q"))},
    **{vr: _reals(code) for vr, code in (("FL", "f"), ("FD", "d"))},
    "AE": _titles,
    "AT": _tags,
    "DS": _decimals,
    "IS": _wholes,
    "PN": _name,
    "UI": _uids,
    "UR": _link,
}
"""By VR: the values of an element from its bytes, little endian, and the codec in force. Raises `Declined`."""

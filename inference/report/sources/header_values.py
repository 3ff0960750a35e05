"""Values of a header as legal text (PS3.5 6.2), repaired where it is plain what they mean.

Text without a Specific Character Set that isn't ASCII is taken for UTF-8 where it is UTF-8, else for Latin-1.
"""

from __future__ import annotations

import re
import warnings
from collections.abc import Iterable
from datetime import date

from pydicom import config
from pydicom.datadict import dictionary_VM, dictionary_VR
from pydicom.dataset import Dataset
from pydicom.multival import MultiValue
from pydicom.valuerep import validate_value

_ENUMERATED = {
    "PatientSex": frozenset("MFO"),
    "TypeOfPatientID": frozenset({"TEXT", "RFID", "BARCODE"}),
    "LossyImageCompression": frozenset({"00", "01"}),
}
_DATE = re.compile(r"(\d{4})[-./]?(\d{2})[-./]?(\d{2})")
_COLONS = re.compile(r"(\d{2}):(\d{2})(?::(\d{2})(\.\d{1,6})?)?")
_OFFSET = re.compile(r"[+-]\d{4}")
_REPLACEMENT = "\N{REPLACEMENT CHARACTER}"
# What reading one raw value through pydicom may raise on damaged content.
_READ_ERRORS = (ValueError, TypeError, AttributeError, KeyError, NotImplementedError, OverflowError)


def legal_values(source: Dataset, keyword: str) -> list[str] | None:
    """The values of a top-level attribute as legal text: none when it is absent or empty, None when it isn't legal."""
    texts = _texts(source, keyword)
    if texts is None:
        return None
    values = [_repaired(keyword, text) for text in texts]
    if dictionary_VM(keyword) == "1" and len(values) > 1:
        return None
    return values if all(_is_legal(keyword, value) for value in values) else None


def legal_code(item: Dataset) -> tuple[str, str, str] | None:
    """Value, scheme and meaning of a Code Sequence item (PS3.3 8.1), None unless all three are there and legal."""
    parts = [legal_values(item, keyword) for keyword in ("CodeValue", "CodingSchemeDesignator", "CodeMeaning")]
    value, scheme, meaning = (part[0] if part else "" for part in parts)
    return (value, scheme, meaning) if value and scheme and meaning else None


def _texts(source: Dataset, keyword: str) -> list[str] | None:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # pydicom's texts quote the value
            value = source.get(keyword)
    except _READ_ERRORS:
        return None
    many: Iterable[object] = value if isinstance(value, MultiValue | list | tuple) else [] if value is None else [value]
    texts = [str(one).strip() for one in many]
    if not source.get("SpecificCharacterSet"):
        texts = [_guessed(text) for text in texts]
    return texts if any(texts) else []


def _guessed(text: str) -> str:
    """Bytes outside ASCII without a declared character set: pydicom read them as Latin-1, but they may be UTF-8."""
    try:
        return text if text.isascii() else text.encode("latin-1").decode("utf-8")
    except UnicodeError:
        return text


def _repaired(keyword: str, text: str) -> str:
    """Dates and times as the retired ACR-NEMA forms write them (PS3.5 6.2): 1960.01.01, 10:15:30."""
    vr = dictionary_VR(keyword)
    if vr == "DA" and (found := _DATE.fullmatch(text)):
        return "".join(found.groups())
    if vr == "TM" and (found := _COLONS.fullmatch(text)):
        return "".join(part or "" for part in found.groups())
    return text


def _is_legal(keyword: str, text: str) -> bool:
    if any(ord(character) < 0x20 or ord(character) == 0x7F for character in text) or "\\" in text or _REPLACEMENT in text:
        return False
    if keyword in _ENUMERATED and text not in _ENUMERATED[keyword]:
        return False
    if keyword == "TimezoneOffsetFromUTC" and not _OFFSET.fullmatch(text):
        return False
    vr = dictionary_VR(keyword)
    try:
        validate_value(vr, text, config.RAISE)
        if vr == "DA":
            date(int(text[:4]), int(text[4:6]), int(text[6:8]))
    except ValueError:
        return False
    return True

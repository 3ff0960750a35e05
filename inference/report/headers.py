"""Attributes carried from a source Instance to its results: legal ones unchanged, the rest repaired, emptied or refused.

Only the attributes listed here pass: no private tag, station name or free comment of the source reaches a result.

=========  =====================================================================================================
refused    Patient ID and its issuer, Patient's Name, Accession Number that can't be written unchanged: results
           would be filed under another identity
emptied    the other Type 2 attributes (PS3.3 C.7.1.1, C.7.2.1), when absent or illegal; Sex other than M, F, O
left out   Type 3 attributes that are illegal; a Clinical Trial Subject module without its Type 1 attributes
=========  =====================================================================================================

An absent or empty Patient ID is written empty, as Type 2 allows: results go into the study they were made from, by its Study
Instance UID, and inventing an ID would be wrong. Text without a Specific Character Set that isn't ASCII is taken for UTF-8
where it is UTF-8, else for Latin-1. Absent on purpose: geometry, pixels.
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

from storage.base.errors import InputError

IDENTIFYING = ("PatientID", "IssuerOfPatientID", "PatientName", "AccessionNumber")
TYPE_2 = (
    "PatientID", "PatientName", "PatientBirthDate", "PatientSex", "AccessionNumber", "StudyID", "StudyDate", "StudyTime",
    "ReferringPhysicianName",
)  # fmt: skip
OPTIONAL = (
    "IssuerOfPatientID", "TypeOfPatientID", "PatientAge", "PatientSize", "PatientWeight", "StudyDescription",
    "PositionReferenceIndicator", "InstitutionName", "BodyPartExamined", "TimezoneOffsetFromUTC", "Manufacturer",
    "ManufacturerModelName", "SoftwareVersions", "DeviceSerialNumber", "LossyImageCompression", "LossyImageCompressionRatio",
    "LossyImageCompressionMethod", "PatientOrientation",
)  # fmt: skip
TRIAL_TYPE_1 = ("ClinicalTrialSponsorName", "ClinicalTrialProtocolID")
TRIAL_TYPE_2 = ("ClinicalTrialProtocolName", "ClinicalTrialSiteID", "ClinicalTrialSiteName")
TRIAL_SUBJECT = ("ClinicalTrialSubjectID", "ClinicalTrialSubjectReadingID")
UIDS = ("StudyInstanceUID", "SeriesInstanceUID", "SOPInstanceUID", "SOPClassUID")

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


def carried_attributes(source: Dataset) -> tuple[Dataset, tuple[str, ...]]:
    """What results take over from ``source``, all of it legal, and the keywords of what had to be emptied or left out.

    Returns
    -------
    Dataset
        Holds the UIDs of the source, every Type 2 attribute of Patient and General Study, and the optional ones that are
        present; Patient's Name as text without a character set of its own.

    Raises
    ------
    InputError
        Code ``bad-header``, naming the attribute, never its value.
    """
    carried, lost = Dataset(), []
    for keyword in UIDS:
        setattr(carried, keyword, _uid(source, keyword))
    for keyword in (*TYPE_2, *OPTIONAL):
        values = legal_values(source, keyword)
        if values is None:
            if keyword in IDENTIFYING:
                raise _refusal(keyword)
            lost.append(keyword)
        if values or keyword in TYPE_2:
            setattr(carried, keyword, _assignable(values or []))
    lost += _carry_trial(source, carried)
    lost += _carry_deidentification(source, carried)
    return carried, tuple(sorted(lost))


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


def _assignable(values: list[str]) -> str | list[str]:
    return values if len(values) > 1 else "".join(values)


def _uid(source: Dataset, keyword: str) -> str:
    values = legal_values(source, keyword)
    if not values:
        raise _refusal(keyword)
    return values[0]


def _refusal(keyword: str) -> InputError:
    return InputError(
        f"{keyword} of the source can't be carried over unchanged (PS3.5 6.2); correct it in the source and resend",
        code="bad-header",
        attribute=keyword,
    )


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


def _carry_trial(source: Dataset, carried: Dataset) -> list[str]:
    """Clinical Trial Subject (PS3.3 C.7.1.3), whole or not at all."""
    found = {keyword: legal_values(source, keyword) for keyword in (*TRIAL_TYPE_1, *TRIAL_TYPE_2, *TRIAL_SUBJECT)}
    if all(values == [] for values in found.values()):
        return []
    if not all(found[keyword] for keyword in TRIAL_TYPE_1) or not any(found[keyword] for keyword in TRIAL_SUBJECT):
        return [keyword for keyword, values in found.items() if values != []]
    for keyword, values in found.items():
        if values or keyword in TRIAL_TYPE_2:
            setattr(carried, keyword, _assignable(values or []))
    return [keyword for keyword, values in found.items() if values is None]


def _carry_deidentification(source: Dataset, carried: Dataset) -> list[str]:
    """Patient Identity Removed with its method (PS3.3 C.7.1.1, Type 1C)."""
    if legal_values(source, "PatientIdentityRemoved") != ["YES"]:
        return []
    method = legal_values(source, "DeidentificationMethod") or []
    items = source.get("DeidentificationMethodCodeSequence") or []
    kept = [code for code in map(legal_code, items) if code]
    if not method and not kept:
        return ["PatientIdentityRemoved"]
    carried.PatientIdentityRemoved = "YES"
    if method:
        carried.DeidentificationMethod = _assignable(method)
    if kept:
        carried.DeidentificationMethodCodeSequence = [_code_item(*code) for code in kept]
    return []


def _code_item(value: str, scheme: str, meaning: str) -> Dataset:
    item = Dataset()
    item.CodeValue, item.CodingSchemeDesignator, item.CodeMeaning = value, scheme, meaning
    return item

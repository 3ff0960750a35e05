"""Attributes carried from a source Instance to its results: legal ones unchanged, the rest repaired, emptied or refused.

Only the attributes listed here pass: no private tag, station name or free comment of the source reaches a result.

=========  =====================================================================================================
refused    Patient ID and its issuer, Patient's Name, Accession Number that can't be written unchanged: results
           would be filed under another identity
emptied    the other Type 2 attributes (PS3.3 C.7.1.1, C.7.2.1), when absent or illegal; Sex other than M, F, O
left out   Type 3 attributes that are illegal; a Clinical Trial Subject module without its Type 1 attributes
=========  =====================================================================================================

An absent or empty Patient ID is written empty, as Type 2 allows: results go into the study they were made from, by its Study
Instance UID, and inventing an ID would be wrong. What is legal: ``header_values``. Absent on purpose: geometry, pixels.
"""

from __future__ import annotations

from pydicom.dataset import Dataset

from inference.report.sources.header_values import legal_code, legal_values
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

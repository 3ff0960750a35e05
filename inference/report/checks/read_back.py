"""The gate: objects are read back from their bytes, by pydicom and by highdicom, and compared with what they must say.

Common checks are here, those of SEG and SR in ``validate_seg`` and ``validate_sr``. Codes of failure:

report-file        not a readable file, or file meta information that differs from the data set
report-identity    patient, study or accession other than the source's
report-uids        a UID of ours that is illegal, the source's own, or not the one derived for this task
report-attributes  a Type 1 or 2 attribute missing, an illegal value, a private attribute, the research mark missing
report-references  an Instance referenced that was no input, or an input not referenced
report-frames      frame counts, indices, positions or spacing that don't fit
report-voxels      voxels other than the label map's
report-segments    a segment without code, colour, algorithm or tracking identifiers, or with the wrong side
report-template    SR content that isn't a measurement report with one group a target
report-values      numbers other than those recomputed from the stored SEG
report-equipment   Contributing Equipment, observer and algorithm that don't name the same model
"""

from __future__ import annotations

import warnings
from collections.abc import Iterator, Sequence
from io import BytesIO

from pydicom import config, dcmread
from pydicom.dataset import Dataset
from pydicom.errors import InvalidDicomError
from pydicom.uid import ExplicitVRLittleEndian
from pydicom.valuerep import IS, DSfloat, validate_value

from inference.report.codes import same_code, table
from inference.report.expect import expect
from inference.report.identity import NOT_FOR_CLINICAL_USE, Identity
from inference.report.sources.headers import TYPE_2
from inference.report.sources.source import Source
from storage.base.errors import ModelError, PeerError
from storage.base.uids import check_uid

TYPE_1 = (
    "SOPClassUID", "SOPInstanceUID", "StudyInstanceUID", "SeriesInstanceUID", "Modality", "Manufacturer", "ManufacturerModelName",
    "SoftwareVersions", "DeviceSerialNumber", "SeriesNumber", "InstanceNumber", "ContentDate", "ContentTime",
    "ContributingEquipmentSequence",
)  # fmt: skip
_COPIED = (
    "PatientID", "PatientName", "PatientBirthDate", "PatientSex", "AccessionNumber", "StudyInstanceUID", "StudyID", "StudyDate",
    "StudyTime",
)  # fmt: skip
_TEXT_VRS = frozenset({"AS", "CS", "DA", "DS", "DT", "IS", "LO", "LT", "PN", "SH", "ST", "TM", "UI", "UT"})


def read_back(payload: bytes) -> Dataset:
    """The object as a reader sees it."""
    try:
        return dcmread(BytesIO(payload))
    except (InvalidDicomError, EOFError, ValueError) as error:
        raise ModelError("a finished object can't be read back", code="report-file") from error


def check_common(stored: Dataset, role: str, sop_class_uid: str, source: Source, identity: Identity) -> None:
    """What holds for every object of ours: file, identity, UIDs, attributes, research mark, equipment."""
    _check_file(stored, sop_class_uid)
    for keyword in _COPIED:
        same = str(stored.get(keyword, "")) == str(source.attributes.get(keyword, ""))
        expect(same, "identity", f"{keyword} isn't the source's")
    _check_uids(stored, role, source, identity)
    _check_attributes(stored)
    _check_research_mark(stored, identity)
    check_equipment(stored, identity)


def _check_file(stored: Dataset, sop_class_uid: str) -> None:
    meta = stored.file_meta
    fits = (
        meta.MediaStorageSOPClassUID == stored.SOPClassUID == sop_class_uid
        and meta.MediaStorageSOPInstanceUID == stored.SOPInstanceUID
        and meta.TransferSyntaxUID == ExplicitVRLittleEndian
    )
    expect(fits, "file", "file meta information differs from the data set")


def _check_uids(stored: Dataset, role: str, source: Source, identity: Identity) -> None:
    for uid in (stored.SOPInstanceUID, stored.SeriesInstanceUID):
        try:
            check_uid(str(uid))
        except PeerError as error:
            raise ModelError("a UID of ours is illegal", code="report-uids") from error
    derived = (identity.uid(role, "instance"), identity.uid(role, "series"))
    expect((stored.SOPInstanceUID, stored.SeriesInstanceUID) == derived, "uids", "UIDs aren't those derived for this task")
    taken = {source.attributes.SeriesInstanceUID, source.attributes.StudyInstanceUID, *source.sop_instance_uids}
    expect(taken.isdisjoint(derived), "uids", "a UID of ours is one of the source's")


def _check_attributes(stored: Dataset) -> None:
    for keyword in TYPE_1:
        expect(bool(stored.get(keyword)), "attributes", f"{keyword} is empty")
    for keyword in TYPE_2:
        expect(keyword in stored, "attributes", f"{keyword} is absent")
    expect(stored.get("SpecificCharacterSet") == "ISO_IR 192", "attributes", "the character set isn't UTF-8")
    for element_vr, keyword, value in _texts(stored):
        expect(_is_legal(element_vr, value), "attributes", f"{keyword} holds an illegal value")


def _texts(dataset: Dataset) -> Iterator[tuple[str, str, str]]:
    """Every text value but those of per-frame groups, which ``validate_seg`` compares with the source one by one."""
    for element in dataset:
        expect(not element.tag.is_private, "attributes", "a private attribute")
        if element.VR == "SQ":
            if element.keyword != "PerFrameFunctionalGroupsSequence":
                for item in element.value:
                    yield from _texts(item)
        elif element.VR in _TEXT_VRS and element.value is not None:
            values = element.value if element.VM > 1 else [element.value]
            yield from ((element.VR, element.keyword, _written(value)) for value in values)


def _written(value: object) -> str:
    """As it stands in the file: numbers keep their original text."""
    return str(getattr(value, "original_string", value)) if isinstance(value, DSfloat | IS) else str(value)


def _is_legal(vr: str, value: str) -> bool:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            validate_value(vr, value, config.RAISE)
    except ValueError:
        return False
    return True


def _check_research_mark(stored: Dataset, identity: Identity) -> None:
    expect(stored.get("ContentQualification") == identity.content_qualification, "attributes", "Content Qualification is wrong")
    description = str(stored.get("SeriesDescription", ""))
    marked = description.endswith(NOT_FOR_CLINICAL_USE)
    expect(marked != identity.clinical_use and description.startswith("AI "), "attributes", "Series Description lacks its mark")


def check_equipment(stored: Dataset, identity: Identity) -> None:
    """Contributing Equipment names the model once as Processing Equipment with its Device UID (AIR)."""
    purpose = table().concepts["processing_equipment"]
    models = [
        item
        for item in stored.ContributingEquipmentSequence
        if same_code(item.PurposeOfReferenceCodeSequence[0], purpose) and item.get("DeviceUID")
    ]
    named = [(item.Manufacturer, item.ManufacturerModelName, item.SoftwareVersions, item.DeviceUID) for item in models]
    model = (identity.model_manufacturer, identity.model_name, identity.model_version, identity.device_uid)
    expect(named == [model], "equipment", "Contributing Equipment doesn't name the model")
    said = [item.get("ContributionDescription") for item in models]
    expect(said == [identity.contribution], "equipment", "Contributing Equipment says another contribution")


def check_inputs_only(referenced: Sequence[str], allowed: Sequence[str], where: str) -> None:
    """``referenced`` are exactly ``allowed``, each once."""
    expect(sorted(referenced) == sorted(allowed), "references", f"{where} doesn't list exactly the inputs")

"""What of a source's header passes to results, and what happens to the rest."""

from __future__ import annotations

from io import BytesIO
from typing import Any

import pytest
from pydicom import dcmread
from pydicom.dataset import Dataset

from inference.report.sources.header_values import legal_code
from inference.report.sources.headers import carried_attributes
from storage.base.errors import InputError
from tests.support.dicom_builders import ct_series

pytestmark = pytest.mark.filterwarnings("ignore::UserWarning")  # pydicom says so when a test writes a bad header


def carried(**attributes: Any) -> tuple[Dataset, tuple[str, ...]]:
    return carried_attributes(ct_series(1, **attributes)[0])


def test_absent_type_2_attributes_are_written_empty() -> None:
    keywords = ["PatientID", "PatientName", "PatientBirthDate", "PatientSex", "AccessionNumber", "StudyID", "StudyDate"]
    attributes, lost = carried(**dict.fromkeys(keywords))
    assert {keyword: str(attributes[keyword].value or "") for keyword in keywords} == dict.fromkeys(keywords, "")
    assert lost == ()


def test_legal_values_pass_unchanged() -> None:
    stated = {
        "PatientID": "X 7",
        "PatientAge": "045Y",
        "PatientWeight": "71.5",
        "StudyDescription": "Head",
        "AccessionNumber": "A1",
    }
    attributes, lost = carried(**stated)
    assert {keyword: str(attributes[keyword].value) for keyword in stated} == stated
    assert lost == ()


@pytest.mark.parametrize(
    ("keyword", "value"),
    [
        ("PatientID", "9" * 65),
        ("PatientID", ["A", "B"]),
        ("PatientID", "tab\there"),
        ("AccessionNumber", "9" * 17),
        ("PatientName", "x" * 65),
        ("IssuerOfPatientID", "y" * 65),
        ("StudyInstanceUID", ""),
        ("SeriesInstanceUID", "1.02.3"),
    ],
)
def test_what_identifies_is_refused_rather_than_altered(keyword: str, value: Any) -> None:
    with pytest.raises(InputError, match=keyword) as refusal:
        carried(**{keyword: value})
    assert refusal.value.reason_code == "bad-header"
    assert not value or str(value[0]) * 3 not in str(refusal.value)


@pytest.mark.parametrize(
    ("keyword", "value"),
    [
        ("PatientSex", "N"), ("PatientBirthDate", "19701399"), ("StudyDate", "yesterday"), ("StudyID", "x" * 17),
        ("PatientAge", "45"), ("StudyDescription", "x" * 65), ("TimezoneOffsetFromUTC", "CET"), ("LossyImageCompression", "YES"),
        ("ClinicalTrialSponsorName", "Sponsor"), ("PatientIdentityRemoved", "YES"),
    ],
)  # fmt: skip
def test_other_illegal_values_are_left_out_by_name(keyword: str, value: str) -> None:
    attributes, lost = carried(**{keyword: value})
    assert lost == (keyword,)
    assert not attributes.get(keyword)


def test_retired_forms_of_date_and_time_are_rewritten() -> None:
    attributes, lost = carried(PatientBirthDate="1960.01.31", StudyTime="10:11:12.5")
    assert (attributes.PatientBirthDate, attributes.StudyTime, lost) == ("19600131", "101112.5", ())


@pytest.mark.parametrize(
    ("charset", "name"),
    [
        ("ISO_IR 100", "Müller^Jörg"),
        ("ISO_IR 192", "Παπάς^Νίκος"),
        (["", "ISO 2022 IR 87"], "Yamada^Tarou=山田^太郎=やまだ^たろう"),
    ],
)
def test_names_keep_their_characters(charset: Any, name: str) -> None:
    attributes, _ = carried_attributes(_written(SpecificCharacterSet=charset, PatientName=name))
    assert str(attributes.PatientName) == name


@pytest.mark.parametrize("encoding", ["utf-8", "latin-1"])
def test_a_name_without_character_set_is_guessed(encoding: str) -> None:
    source = _written(PatientName="M?ller", replace=(b"M?ller", "Müller".encode(encoding)))
    assert str(carried_attributes(source)[0].PatientName) == "Müller"


def test_a_name_that_its_character_set_cannot_hold_is_refused() -> None:
    source = _written(SpecificCharacterSet="ISO_IR 192", PatientName="M?ller", replace=(b"M?ller", b"M\xfcller"))
    with pytest.raises(InputError, match="PatientName"):
        carried_attributes(source)


def test_nothing_private_and_no_station_passes() -> None:
    source = ct_series(1, StationName="CT-ROOM-3", PatientComments="call Dr X", OperatorsName="Someone")[0]
    source.private_block(0x0019, "Vendor", create=True).add_new(0x01, "LO", "secret")
    attributes, _ = carried_attributes(source)
    assert not any(element.tag.is_private for element in attributes)
    assert not {"StationName", "PatientComments", "OperatorsName"} & set(attributes.dir())


def test_a_whole_clinical_trial_subject_passes_with_its_type_2_attributes() -> None:
    attributes, lost = carried(ClinicalTrialSponsorName="S", ClinicalTrialProtocolID="P", ClinicalTrialSubjectID="7")
    assert (attributes.ClinicalTrialSponsorName, attributes.ClinicalTrialSiteName, lost) == ("S", "", ())


def test_a_code_needs_value_scheme_and_meaning() -> None:
    item = Dataset()
    item.CodeValue, item.CodingSchemeDesignator = "1", "SCT"
    assert legal_code(item) is None
    item.CodeMeaning = "One"
    assert legal_code(item) == ("1", "SCT", "One")


def _written(replace: tuple[bytes, bytes] | None = None, **attributes: Any) -> Dataset:
    """An Instance as it comes from a file, its bytes changed on the way if asked."""
    buffer = BytesIO()
    ct_series(1, **attributes)[0].save_as(buffer, enforce_file_format=True)
    content = buffer.getvalue()
    if replace is not None:
        old, new = replace
        new = new.ljust(len(old)) if len(new) <= len(old) else new
        content = content.replace(_named(old), _named(new))
    return dcmread(BytesIO(content))


def _named(value: bytes) -> bytes:
    """Patient's Name as Explicit VR Little Endian writes it."""
    padded = value + b" " * (len(value) % 2)
    return b"\x10\x00\x10\x00PN" + len(padded).to_bytes(2, "little") + padded

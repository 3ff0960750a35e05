"""The SR as a reader finds it."""

from __future__ import annotations

import numpy as np
import pytest
from pydicom.dataset import Dataset

from inference.report.checks.read_back import read_back
from tests.support.dicom_builders import ct_series, us_image
from tests.unit.inference.report.inputs import DIGEST, label_map_of, manifest, results_of


@pytest.fixture(scope="module")
def source() -> list[Dataset]:
    return ct_series()


@pytest.fixture(scope="module")
def results(source: list[Dataset]) -> dict[str, Dataset]:
    labels = label_map_of(source).labels_kji.copy()
    labels[labels == 2] = 0
    found = results_of(source, label_map_of(source, labels))
    return {role: read_back(found[role].payload) for role in ("seg", "sr")}


def groups_of(sr: Dataset) -> list[Dataset]:
    container = next(item for item in sr.ContentSequence if item.ConceptNameCodeSequence[0].CodeValue == "126010")
    return list(container.ContentSequence)


def values_of(container: Dataset, code: str) -> list[Dataset]:
    return [item for item in container.ContentSequence if item.ConceptNameCodeSequence[0].CodeValue == code]


def test_one_group_a_target_with_present_and_absent_told_apart(results: dict[str, Dataset]) -> None:
    groups = groups_of(results["sr"])
    assert [group.ContentTemplateSequence[0].TemplateIdentifier for group in groups] == ["1411", "1501", "1411"]
    absent = values_of(groups[1], "121052")[0].ConceptCodeSequence[0]
    assert (absent.CodeValue, absent.CodingSchemeDesignator) == ("272519000", "SCT")
    assert not values_of(groups[1], "118565006")


def test_a_volume_refers_to_its_segment_by_number(results: dict[str, Dataset]) -> None:
    groups = groups_of(results["sr"])
    references = [values_of(groups[index], "121191")[0].ReferencedSOPSequence[0] for index in (0, 2)]
    assert [int(reference.ReferencedSegmentNumber) for reference in references] == [1, 2]
    assert {reference.ReferencedSOPInstanceUID for reference in references} == {results["seg"].SOPInstanceUID}
    assert results["seg"].ReferencedSeriesSequence[0].SeriesInstanceUID == values_of(groups[0], "121232")[0].UID


def test_a_volume_is_in_cubic_millimetres(results: dict[str, Dataset], source: list[Dataset]) -> None:
    measured = values_of(groups_of(results["sr"])[0], "118565006")[0].MeasuredValueSequence[0]
    voxels = int((label_map_of(source).labels_kji == 1).sum())
    assert measured.MeasurementUnitsCodeSequence[0].CodeValue == "mm3"
    assert float(measured.NumericValue) == pytest.approx(voxels * 2.5 * 0.8 * 0.7, abs=1e-3)


def test_the_document_is_complete_preliminary_and_unverified(results: dict[str, Dataset]) -> None:
    sr = results["sr"]
    assert (sr.CompletionFlag, sr.PreliminaryFlag, sr.VerificationFlag) == ("COMPLETE", "PRELIMINARY", "UNVERIFIED")
    assert (sr.SOPClassUID, sr.ContentQualification) == ("1.2.840.10008.5.1.4.1.1.88.34", "RESEARCH")
    assert sr.SeriesInstanceUID != results["seg"].SeriesInstanceUID


def test_observer_algorithm_and_equipment_name_one_model(results: dict[str, Dataset]) -> None:
    sr = results["sr"]
    equipment = next(item for item in sr.ContributingEquipmentSequence if "DeviceUID" in item)
    assert equipment.DeviceUID == values_of(sr, "121012")[0].UID
    assert values_of(sr, "121015")[0].TextValue == equipment.ManufacturerModelName == "phantom-organs"
    assert "not for clinical use" in values_of(sr, "121013")[0].TextValue
    group = groups_of(sr)[0]
    assert values_of(group, "111003")[0].TextValue == equipment.SoftwareVersions
    parameters = [item.TextValue for item in values_of(group, "111002")]
    assert parameters == [f"model digest: sha256:{DIGEST}", "intended use: not for clinical use"]


def test_evidence_is_the_seg_and_every_source_instance(results: dict[str, Dataset], source: list[Dataset]) -> None:
    series = results["sr"].CurrentRequestedProcedureEvidenceSequence[0].ReferencedSeriesSequence
    listed = {item.ReferencedSOPInstanceUID for one in series for item in one.ReferencedSOPSequence}
    assert listed == {results["seg"].SOPInstanceUID, *(dataset.SOPInstanceUID for dataset in source)}


def test_a_known_side_is_a_finding_site_with_laterality(results: dict[str, Dataset]) -> None:
    first, _, third = groups_of(results["sr"])
    assert not values_of(first, "363698007")
    site = values_of(third, "363698007")[0]
    assert site.ContentSequence[0].ConceptCodeSequence[0].CodeMeaning == "Left"


def test_the_studys_own_procedure_is_reported() -> None:
    code = Dataset()
    code.CodeValue, code.CodingSchemeDesignator, code.CodeMeaning = "CTHEAD", "99LOCAL", "CT of head"
    sr = read_back(results_of(ct_series(ProcedureCodeSequence=[code]))["sr"].payload)
    assert values_of(sr, "121058")[0].ConceptCodeSequence[0].CodeValue == "CTHEAD"


def test_a_single_image_has_planar_groups_that_name_the_frame() -> None:
    sr = read_back(results_of([us_image(np.zeros((30, 40)))])["sr"].payload)
    groups = groups_of(sr)
    assert {group.ContentTemplateSequence[0].TemplateIdentifier for group in groups} == {"1410"}
    references = [values_of(group, "121214")[0].ReferencedSOPSequence[0] for group in groups]
    assert [int(reference.ReferencedFrameNumber) for reference in references] == [1, 2, 3]
    assert values_of(groups[0], "42798000")[0].MeasuredValueSequence[0].MeasurementUnitsCodeSequence[0].CodeValue == "mm2"


def test_a_model_cleared_for_clinical_use_carries_no_research_mark() -> None:
    results = results_of(ct_series(), package=manifest(clinical_use=True))
    for role in ("seg", "sr", "text"):
        assert b"not for clinical use" not in results[role].payload
    assert read_back(results["sr"].payload).ContentQualification == "PRODUCT"

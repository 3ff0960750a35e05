"""The SEG as a reader finds it."""

from __future__ import annotations

import random

import numpy as np
import pytest
from pydicom.dataset import Dataset

from inference.report.checks.read_back import read_back
from tests.support.dicom_builders import ORIENTATIONS, ct_series, enhanced_mr
from tests.unit.inference.report.inputs import label_map_of, manifest, results_of, task


@pytest.fixture(scope="module")
def source() -> list[Dataset]:
    datasets = ct_series(7, 13, 17, orientation=ORIENTATIONS["oblique-30"], SeriesNumber="14", Laterality="R")
    random.Random(2).shuffle(datasets)
    return datasets


@pytest.fixture(scope="module")
def seg(source: list[Dataset]) -> Dataset:
    return read_back(results_of(source)["seg"].payload)


def test_each_frame_names_the_instance_at_its_position(seg: Dataset, source: list[Dataset]) -> None:
    positions = {dataset.SOPInstanceUID: [float(x) for x in dataset.ImagePositionPatient] for dataset in source}
    for group in seg.PerFrameFunctionalGroupsSequence:
        referenced = group.DerivationImageSequence[0].SourceImageSequence[0].ReferencedSOPInstanceUID
        own = [float(x) for x in group.PlanePositionSequence[0].ImagePositionPatient]
        assert own == pytest.approx(positions[referenced], abs=1e-6)


def test_empty_frames_are_left_out(seg: Dataset, source: list[Dataset]) -> None:
    labels = label_map_of(source).labels_kji
    filled = sum(int((labels == value).any(axis=(1, 2)).sum()) for value in (1, 2, 3))
    assert int(seg.NumberOfFrames) == filled < 3 * 7


def test_segments_are_coded_coloured_tracked_and_automatic(seg: Dataset) -> None:
    assert [segment.SegmentLabel for segment in seg.SegmentSequence] == ["Organ 1", "Organ 2", "Organ 3"]
    for segment in seg.SegmentSequence:
        assert segment.SegmentedPropertyCategoryCodeSequence[0].CodeValue == "91723000"
        assert segment.SegmentAlgorithmType == "AUTOMATIC"
        assert (segment.SegmentAlgorithmName, len(segment.RecommendedDisplayCIELabValue)) == ("phantom-organs", 3)
        assert segment.TrackingUID.startswith("2.25.")


def test_laterality_is_a_modifier_inside_the_type(seg: Dataset) -> None:
    kinds = [segment.SegmentedPropertyTypeCodeSequence[0] for segment in seg.SegmentSequence]
    assert [kind.SegmentedPropertyTypeModifierCodeSequence[0].CodeMeaning for kind in kinds] == ["Right", "Right", "Left"]


def test_no_side_is_guessed() -> None:
    seg = read_back(results_of(ct_series(), package=manifest(laterality=()))["seg"].payload)
    for segment in seg.SegmentSequence:
        assert "SegmentedPropertyTypeModifierCodeSequence" not in segment.SegmentedPropertyTypeCodeSequence[0]


def test_identity_and_marks(seg: Dataset) -> None:
    assert (seg.SegmentationType, seg.Modality, seg.file_meta.TransferSyntaxUID) == ("BINARY", "SEG", "1.2.840.10008.1.2.1")
    assert (seg.Manufacturer, seg.ManufacturerModelName, seg.SeriesNumber) == ("Wetread", "Wetread", 9140)
    assert seg.SeriesDescription == "AI phantom-organs 1.2.3 - not for clinical use"
    assert (seg.ContentQualification, seg.BurnedInAnnotation, seg.SpecificCharacterSet) == ("RESEARCH", "NO", "ISO_IR 192")
    assert (seg.PatientName, seg.PatientID, seg.StudyID, seg.BodyPartExamined) == ("Phantom^Test", "PHANTOM-1", "1", "HEAD")
    assert (seg.ContentDate, seg.ContentTime, seg.InstanceCreationTime) == ("20260304", "050607.890123", "050607.890123")
    assert str(seg.file_meta.ImplementationVersionName).startswith("WETREAD_")


def test_the_model_is_processing_equipment_with_its_device_uid(seg: Dataset) -> None:
    models = [item for item in seg.ContributingEquipmentSequence if "DeviceUID" in item]
    assert [item.PurposeOfReferenceCodeSequence[0].CodeValue for item in models] == ["109102"]
    assert (models[0].Manufacturer, models[0].ManufacturerModelName, models[0].SoftwareVersions) == (
        "Example Labs", "phantom-organs", "1.2.3",
    )  # fmt: skip


def test_spacing_between_slices_is_that_of_the_positions() -> None:
    """Headers often state another."""
    seg = read_back(results_of(ct_series(SpacingBetweenSlices="-9.9", SliceThickness="5"))["seg"].payload)
    measures = seg.SharedFunctionalGroupsSequence[0].PixelMeasuresSequence[0]
    assert (float(measures.SpacingBetweenSlices), float(measures.SliceThickness)) == (2.5, 5.0)


def test_frames_of_an_enhanced_source_are_referenced_by_their_own_numbers() -> None:
    order = [3, 1, 0, 2, 5, 4]
    datasets = [enhanced_mr(np.arange(6 * 13 * 17).reshape(6, 13, 17), order=order, FrameOfReferenceUID="1.2.3.4")]
    seg = read_back(results_of(datasets)["seg"].payload)
    for group in seg.PerFrameFunctionalGroupsSequence:
        number = int(group.DerivationImageSequence[0].SourceImageSequence[0].ReferencedFrameNumber)
        original = datasets[0].PerFrameFunctionalGroupsSequence[number - 1].PlanePositionSequence[0]
        own = group.PlanePositionSequence[0].ImagePositionPatient
        assert [float(x) for x in own] == pytest.approx([float(x) for x in original.ImagePositionPatient])


def test_an_absent_label_has_no_segment_and_numbers_stay_consecutive() -> None:
    datasets = ct_series(4)
    labels = np.zeros((4, 16, 20), np.uint8)
    labels[1, 2:5, 3:9], labels[2, 9:12, 3:9] = 1, 3
    seg = read_back(results_of(datasets, label_map_of(datasets, labels))["seg"].payload)
    assert [(s.SegmentNumber, s.SegmentLabel) for s in seg.SegmentSequence] == [(1, "Organ 1"), (2, "Organ 3")]


def test_parameters_are_told() -> None:
    seg = read_back(results_of(ct_series(), parameters={"threshold": 0.5})["seg"].payload)
    assert seg.SegmentSequence[0].SegmentationAlgorithmIdentificationSequence[0].AlgorithmParameters == "threshold=0.5"
    assert task().parameters == {}

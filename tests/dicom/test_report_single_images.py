"""Results of single images without a position as the tools of others read them: ultrasound, radiographs, wrapped pictures."""

from __future__ import annotations

import re
from pathlib import Path

import highdicom
import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image
from pydicom.dataset import Dataset
from pydicom.uid import RLELossless

from inference.report import ReportObject
from inference.report.checks.read_back import read_back
from inference.volume import LabelMap, SliceRef, assemble
from tests.support.data import data_path
from tests.support.dicom_builders import write
from tests.support.validators import dciodvfy, dsrdump
from tests.support.wrapped_images import cr_image, dx_image, in_colour, secondary_capture, us_region
from tests.unit.inference.report.inputs import classifier, disc, head_finder, label_map_of, probabilities_of, results_of

GREY = (np.arange(120 * 160).reshape(120, 160) % 251).astype(np.uint8)
HEAD = disc((120, 160), (50, 90), (30, 60))
SPACING = (0.4, 0.2)
SOURCES: dict[str, Dataset] = {
    "ultrasound with a calibrated region": us_region(GREY, SPACING),
    "ultrasound without calibration": us_region(GREY, None),
    "digital radiograph": dx_image(GREY.astype(np.uint16), SPACING),
    "digital radiograph without spacing": dx_image(GREY),
    "computed radiograph": cr_image(GREY, SPACING),
    "computed radiograph without spacing": cr_image(GREY),
    "wrapped picture": secondary_capture(GREY),
}
NAMELESS = secondary_capture(GREY, PatientID=None, PatientName=None, StudyID=None, PatientOrientation=None)


def _clean(results: dict[str, ReportObject], folder: Path) -> str:
    """Every DICOM result passes dciodvfy; the report as DCMTK prints it."""
    for role in results.keys() & {"seg", "sr"}:
        (folder / f"{role}.dcm").write_bytes(results[role].payload)
        assert dciodvfy(folder / f"{role}.dcm") == []
    return dsrdump(folder / "sr.dcm")


@pytest.mark.heavy
@pytest.mark.parametrize("case", SOURCES)
def test_the_wrapped_sources_are_clean_themselves(case: str, tmp_path: Path) -> None:
    """Or a clean result would prove little."""
    assert dciodvfy(write([SOURCES[case]], tmp_path)[0]) == []


@pytest.mark.parametrize("case", SOURCES)
def test_a_classification_has_a_clean_report(case: str, tmp_path: Path) -> None:
    source = [SOURCES[case]]
    printed = _clean(results_of(source, probabilities_of(source, 0.875, 0.0625), classifier()), tmp_path)
    for words in ('Presence of property")=(52101004,SCT,"Present")', '=(272519000,SCT,"Absent")', '"0.875" (1,UCUM'):
        assert words in printed
    report = highdicom.sr.srread(tmp_path / "sr.dcm")
    groups = report.content.get_image_measurement_groups()  # type: ignore[attr-defined]
    assert [group.get_measurements()[0].value for group in groups] == [0.875, 0.0625]
    assert {group.source_images[0].referenced_sop_instance_uid for group in groups} == {source[0].SOPInstanceUID}


@pytest.mark.heavy
@pytest.mark.parametrize("case", SOURCES)
def test_a_segmentation_has_clean_objects(case: str, tmp_path: Path) -> None:
    source = [SOURCES[case]]
    printed = _clean(results_of(source, label_map_of(source, HEAD), head_finder()), tmp_path)
    measured = "without" not in case and case != "wrapped picture"
    assert ('"Head Circumference")="' in printed, '"Comment")="the image states no' in printed) == (measured, not measured)
    seg = highdicom.imread(tmp_path / "seg.dcm")
    assert np.array_equal(seg.get_frames()[0] != 0, HEAD[0] != 0)
    assert list(seg.PatientOrientation or "") == list(source[0].PatientOrientation or "")
    assert ("PixelMeasuresSequence" in seg.SharedFunctionalGroupsSequence[0]) == measured


def test_an_ultrasound_segmentation_has_an_empty_patient_orientation(tmp_path: Path) -> None:
    """Type 2C: required without Image Orientation (Patient), and empty where the source doesn't know it either."""
    source = [us_region(GREY, SPACING, PatientOrientation=None)]
    _clean(results_of(source, label_map_of(source, HEAD), head_finder()), tmp_path)
    seg = read_back((tmp_path / "seg.dcm").read_bytes())
    assert "PatientOrientation" in seg and not seg.PatientOrientation
    assert "ImageOrientationPatient" not in seg and "FrameOfReferenceUID" not in seg


def test_a_picture_of_nobody_has_clean_objects(tmp_path: Path) -> None:
    for prediction, package in (
        (label_map_of([NAMELESS], HEAD), head_finder()),
        (probabilities_of([NAMELESS], 0.5, 0), classifier()),
    ):
        _clean(results_of([NAMELESS], prediction, package), tmp_path)


def test_a_compressed_source_is_read(tmp_path: Path) -> None:
    source = [us_region(GREY, SPACING)]
    source[0].compress(RLELossless, generate_instance_uid=False)
    _clean(results_of(source, label_map_of(source, HEAD), head_finder()), tmp_path)


def test_an_ultrasound_in_colour_has_clean_objects_and_the_same_picture(tmp_path: Path) -> None:
    """Scanners send RGB although nothing in the picture is coloured."""
    grey, colour = us_region(GREY, SPACING), in_colour(us_region(GREY, SPACING))
    results = results_of([colour], LabelMap(HEAD, *_grid(grey, colour)), head_finder())
    _clean(results, tmp_path)
    assert results["overlay"].payload == results_of([grey], label_map_of([grey], HEAD), head_finder())["overlay"].payload


def _grid(grey: Dataset, colour: Dataset) -> tuple[NDArray[np.float64], tuple[SliceRef, ...], str, bool]:
    """The grid of the grey image, said of the coloured one."""
    reference = SliceRef(colour.SOPInstanceUID, colour.SOPClassUID)
    return label_map_of([grey], HEAD).affine_lps_mm, (reference,), "", False


def test_a_real_head_is_measured_as_its_readers_did(tmp_path: Path) -> None:
    """HC18's image 10: 71.91 mm by the annotator, whose filled mask holds the line that was drawn around the head."""
    folder = data_path("labelled/fetal-head")
    image, mask = (np.asarray(Image.open(folder / part / "010_HC.png")) for part in ("images", "masks"))
    source = [us_region(image, (0.159870, 0.159870))]
    label_map = LabelMap.on(assemble(source, spatial_dims=2), (mask > 0).astype(np.uint8)[None])
    printed = _clean(results_of(source, label_map, head_finder()), tmp_path)
    told = re.search(r'"Head Circumference"\)="([\d.]+)" \(mm,UCUM', printed)
    assert told is not None and float(told[1]) == pytest.approx(71.91, abs=1.0)

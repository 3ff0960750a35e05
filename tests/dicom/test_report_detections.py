"""Reports of detections as the tools of others read them: dciodvfy, dsrdump, highdicom; on made-up and on real sources."""

from __future__ import annotations

import re
from pathlib import Path

import highdicom
import numpy as np
import pytest
from PIL import Image
from pydicom.dataset import Dataset

from inference.volume.read import read_files
from tests.support.data import data_path
from tests.support.dicom_builders import ORIENTATIONS, ct_series, us_image
from tests.support.peers import run_tool
from tests.support.validators import dciodvfy, dsrdump
from tests.support.wrapped_images import us_region
from tests.unit.inference.report.detected import Detected, Rows, detected, masked

HEAD_CT = "dicom/neurolabusc__dcm_qa_ct/In/Philips/S21570/S2010"
BREAST = "labelled/breast-us/benign"


def _clean(found: Detected, folder: Path) -> str:
    """The report passes its own checks and those of dciodvfy; as DCMTK prints it, with every coordinate."""
    found.check(found.sr)
    path = folder / "sr.dcm"
    path.write_bytes(found.payload)
    assert dciodvfy(path) == []
    dsrdump(path)
    return run_tool("dsrdump", "+Pl", path).stdout


@pytest.mark.parametrize("rows", [[((2, 3, 10.5, 40), 0.9, 1), ((1, 1, 4, 4), 0.5, 2)], []], ids=["two findings", "none"])
def test_an_images_report_is_clean(rows: Rows, tmp_path: Path) -> None:
    found = detected([us_image(np.zeros((30, 40)))], rows)
    printed = _clean(found, tmp_path)
    assert (printed.count("POLYLINE"), printed.count("Absent")) == (len(rows), 0 if rows else 2)


@pytest.mark.heavy
@pytest.mark.parametrize("orientation", sorted(ORIENTATIONS))
def test_a_volumes_report_is_clean(orientation: str, tmp_path: Path) -> None:
    found = detected(ct_series(7, 13, 17, orientation=ORIENTATIONS[orientation]), [((2, 2, 3, 5, 10.5, 17), 0.9, 1)])
    printed = _clean(found, tmp_path)
    assert (printed.count("POLYLINE"), printed.count("POLYGON"), printed.count("Absent")) == (1, 2, 1)


@pytest.mark.parametrize("spacing", [(0.3, 0.2), None])
def test_masks_and_boxes_are_clean_together(spacing: tuple[float, float] | None, tmp_path: Path) -> None:
    labels = np.zeros((1, 30, 40), np.uint8)
    labels[0, 3:9, 4:20] = 1
    found, seg = masked([us_image(np.zeros((30, 40)), spacing)], [((3, 4, 9, 20), 0.9, 1)], labels, [1])
    found.check(found.sr, seg)
    (tmp_path / "sr.dcm").write_bytes(found.payload)
    assert dciodvfy(tmp_path / "sr.dcm") == []
    printed = dsrdump(tmp_path / "sr.dcm")
    assert "Referenced Segmentation Frame" in printed
    assert ('"Area")="5.76" (mm2,UCUM' in printed) == (spacing is not None)
    assert ("the image states no pixel s" in printed) == (spacing is None)


def test_a_real_ultrasound_lesion_is_where_its_readers_drew_it(tmp_path: Path) -> None:
    """BUSI's first benign lesion: highdicom's outline, filled on the pixel grid, holds its mask and no row or column more."""
    pixels, mask = _breast_lesion()
    rows, columns = np.flatnonzero(mask.any(axis=1)), np.flatnonzero(mask.any(axis=0))
    box = (rows[0], columns[0], rows[-1] + 1, columns[-1] + 1)
    found = detected([us_region(pixels, (0.2, 0.2))], [(box, 0.97, 1)])
    _clean(found, tmp_path)
    report = highdicom.sr.srread(tmp_path / "sr.dcm")
    group = report.content.get_planar_roi_measurement_groups()[0]  # type: ignore[attr-defined]
    points = group.roi.value
    centres = np.argwhere(mask)[:, ::-1] + 0.5  # (column, row)
    assert ((points.min(axis=0) < centres.min(axis=0)) & (centres.max(axis=0) < points.max(axis=0))).all()
    assert (centres.min(axis=0) - points.min(axis=0)).tolist() == [0.5, 0.5]
    assert (points.max(axis=0) - centres.max(axis=0)).tolist() == [0.5, 0.5]
    assert group.get_measurements()[0].value == 97.0


def test_a_box_in_a_real_head_ct_has_a_clean_report(tmp_path: Path) -> None:
    """28 slices of 5 mm: the stored corners are those that the slices' own positions give."""
    datasets = _head_ct()
    k, size = len(datasets), (int(datasets[0].Rows), int(datasets[0].Columns))
    box = (4, 100, 120, 9, 180, 260)
    printed = _clean(detected(datasets, [(box, 0.75, 1)]), tmp_path)
    told = re.findall(r"POLYGON,[^,]*,([^)]*)\)", printed)
    assert len(told) == 2
    corners = np.array([[float(number) for number in point.split("/")] for face in told for point in face.split(",")])
    ordered = sorted(datasets, key=lambda d: float(np.cross(*_axes(d)) @ np.array(d.ImagePositionPatient, float)))
    row, column = _axes(ordered[0])
    rows_mm, columns_mm = map(float, ordered[0].PixelSpacing)
    positions = [np.array(d.ImagePositionPatient, float) for d in ordered]
    step = (positions[-1] - positions[0]) / (k - 1)
    first = positions[4] - step / 2 + row * columns_mm * (120 - 0.5) + column * rows_mm * (100 - 0.5)
    assert size[0] >= 180 and size[1] >= 260
    assert corners[0] == pytest.approx(first, abs=1e-2)
    assert corners[5] - corners[0] == pytest.approx(5 * step, abs=1e-2)


def _axes(dataset: Dataset) -> np.ndarray:
    return np.array(dataset.ImageOrientationPatient, float).reshape(2, 3)


def _breast_lesion() -> tuple[np.ndarray, np.ndarray]:
    mask = min(data_path(BREAST).glob("*_mask.png"))
    image = mask.with_name(mask.name.replace("_mask", ""))
    return np.asarray(Image.open(image).convert("L")), np.asarray(Image.open(mask).convert("L")) > 0


def _head_ct() -> list[Dataset]:
    """Its patient's name has no family name, of which dciodvfy warns in whatever carries it; here it has one."""
    datasets = read_files(sorted(path for path in data_path(HEAD_CT).iterdir() if path.name != "DIRFILE"))
    for dataset in datasets:
        dataset.PatientName = "Phantom^Head"
    return datasets

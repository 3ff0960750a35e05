"""SEG and SR as the tools of others read them: dciodvfy, dsrdump, dcmqi; over orientations, orders and bad headers."""

from __future__ import annotations

import random
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from pydicom.dataset import Dataset

from inference.report import ReportObject
from inference.volume import LabelMap
from inference.volume.read import read_files
from tests.support.data import data_path
from tests.support.dicom_builders import ORIENTATIONS, ct_series, enhanced_mr, mr_series, us_image
from tests.support.validators import dciodvfy, dsrdump, segimage2itkimage, voxels_on_grid
from tests.unit.inference.report.inputs import asymmetric_labels, label_map_of, results_of

HIPPOCAMPUS = "dicom/udacity__nd320-c3-3d-imaging-starter/data/TestVolumes/Study2/14_HCropVolume"


def _stored(results: dict[str, ReportObject], folder: Path) -> dict[str, Path]:
    paths: dict[str, Path] = {}
    for role in ("seg", "sr"):
        if role in results:
            paths[role] = folder / f"{role}.dcm"
            paths[role].write_bytes(results[role].payload)
    return paths


def _assert_clean(paths: dict[str, Path]) -> None:
    assert {role: dciodvfy(path) for role, path in paths.items()} == {role: [] for role in paths}
    dsrdump(paths["sr"])


def _assert_dcmqi_reads(path: Path, label_map: LabelMap) -> None:
    read = voxels_on_grid(segimage2itkimage(path), label_map.affine_lps_mm, label_map.labels_kji.shape)
    assert np.array_equal(read, label_map.labels_kji)


def _shuffled(datasets: list[Dataset]) -> list[Dataset]:
    datasets = list(datasets)
    random.Random(4).shuffle(datasets)
    return datasets


@pytest.mark.parametrize("orientation", sorted(ORIENTATIONS))
def test_every_orientation_in_any_order_is_read_back_voxel_by_voxel(orientation: str, tmp_path: Path) -> None:
    datasets = _shuffled(ct_series(7, 13, 17, orientation=ORIENTATIONS[orientation]))
    label_map = label_map_of(datasets)
    paths = _stored(results_of(datasets, label_map), tmp_path)
    _assert_dcmqi_reads(paths["seg"], label_map)
    _assert_clean(paths)


def test_a_mirrored_label_map_is_told_apart(tmp_path: Path) -> None:
    """The comparison above can fail: a left-right flip of the same labels is another SEG."""
    datasets = ct_series(7, 13, 17)
    label_map = label_map_of(datasets)
    mirrored = label_map_of(datasets, np.ascontiguousarray(label_map.labels_kji[:, :, ::-1]))
    paths = _stored(results_of(datasets, mirrored), tmp_path)
    with pytest.raises(AssertionError):
        _assert_dcmqi_reads(paths["seg"], label_map)


def test_an_enhanced_source_is_read_back(tmp_path: Path) -> None:
    pixels = np.arange(6 * 13 * 17).reshape(6, 13, 17)
    datasets = [enhanced_mr(pixels, order=[3, 1, 0, 2, 5, 4], FrameOfReferenceUID="1.2.3.4")]
    label_map = label_map_of(datasets)
    paths = _stored(results_of(datasets, label_map), tmp_path)
    _assert_dcmqi_reads(paths["seg"], label_map)
    _assert_clean(paths)


def test_a_study_without_findings_has_a_clean_report_alone(tmp_path: Path) -> None:
    datasets = mr_series()
    paths = _stored(results_of(datasets, label_map_of(datasets, np.zeros((4, 16, 20), np.uint8))), tmp_path)
    assert set(paths) == {"sr"}
    _assert_clean(paths)
    assert dsrdump(paths["sr"]).count("Absent") == 3


def test_an_image_without_position_has_clean_objects(tmp_path: Path) -> None:
    _assert_clean(_stored(results_of([us_image(np.arange(40 * 50).reshape(40, 50) % 251)]), tmp_path))


TYPE_2: dict[str, Any] = dict.fromkeys(
    ["PatientName", "PatientID", "PatientBirthDate", "PatientSex", "AccessionNumber", "StudyID", "StudyDate", "StudyTime",
     "ReferringPhysicianName"],
)  # fmt: skip
BAD_HEADERS: dict[str, dict[str, Any]] = {
    "absent Type 2 attributes": TYPE_2,
    "sex N": {"PatientSex": "N"},
    "Japanese name": {"SpecificCharacterSet": ["", "ISO 2022 IR 87"], "PatientName": "Yamada^Tarou=山田^太郎=やまだ^たろう"},
    "retired date and time": {"PatientBirthDate": "1960.01.01", "StudyTime": "10:11:12"},
    "long study description": {"StudyDescription": "x" * 80},
    "part of a clinical trial": {"ClinicalTrialSponsorName": "Sponsor"},
    "a clinical trial": {
        "ClinicalTrialSponsorName": "Sponsor", "ClinicalTrialProtocolID": "P-1", "ClinicalTrialSubjectID": "S-1",
    },
    "time zone and institution": {"TimezoneOffsetFromUTC": "+0130", "InstitutionName": "Nørre Sygehus",
                                  "SpecificCharacterSet": "ISO_IR 100"},
    "lossy source": {"LossyImageCompression": "01", "LossyImageCompressionRatio": "10.5",
                     "LossyImageCompressionMethod": "ISO_10918_1"},
    "de-identified": {"PatientIdentityRemoved": "YES", "DeidentificationMethod": "Basic profile"},
    "one side": {"Laterality": "L"},
}  # fmt: skip


@pytest.mark.filterwarnings("ignore:.*:UserWarning")  # pydicom says so when a test writes a bad header
@pytest.mark.parametrize("case", BAD_HEADERS)
def test_bad_headers_of_the_source_do_not_leak(case: str, tmp_path: Path) -> None:
    _assert_clean(_stored(results_of(ct_series(**BAD_HEADERS[case])), tmp_path))


def test_a_real_series_with_absent_attributes(tmp_path: Path) -> None:
    datasets = read_files(_shuffled_paths(data_path(HIPPOCAMPUS)))
    label_map = label_map_of(datasets, asymmetric_labels((len(datasets), datasets[0].Rows, datasets[0].Columns)))
    paths = _stored(results_of(datasets, label_map), tmp_path)
    _assert_dcmqi_reads(paths["seg"], label_map)
    _assert_clean(paths)


def _shuffled_paths(folder: Path) -> list[Path]:
    paths = sorted(folder.iterdir())
    random.Random(4).shuffle(paths)
    return paths

"""Series as scanners and archives made them: read right, or refused by name."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import nibabel
import numpy as np
import pytest
from numpy.typing import NDArray

from inference.volume import Volume, assemble
from inference.volume.pixels import decode
from inference.volume.read import read_files
from inference.volume.scan import scan
from storage.base.errors import InputError
from tests.support.data import data_path

pytestmark = pytest.mark.heavy

EXTRACTS = "dicom/icometrix__dicom2nifti/tests/data"
STS = "dicom/theibsi__data_sets/ibsi_validation"
STUDIES = "dicom/udacity__nd320-c3-3d-imaging-starter/data/TestVolumes"
WG04 = "dicom/robyoung__dicom-test-files/data/WG04"
US_IN_COLOUR = ("RLE/US1_RLE", "J2KR/US1_J2KR", "J2KI/US1_J2KI")
LPS_TO_RAS = np.diag([-1.0, -1.0, 1.0, 1.0])


def _paths(folder: Path) -> list[Path]:
    [files] = scan(folder).series.values()
    return [file.path for file in files]


def _volume(relative: str, **asked: Any) -> Volume:
    return assemble(read_files(_paths(data_path(relative))), **asked)


def _refusal(relative: str, **asked: Any) -> InputError:
    with pytest.raises(InputError) as caught:
        _volume(relative, **asked)
    return caught.value


def _twin_on_our_grid(volume: Volume, twin: Path, distance_mm: float = 1e-3) -> NDArray[np.float64]:
    """The twin's values at our voxels, (k, j, i); its voxels must lie where ours do, in whatever order of axes."""
    image: Any = nibabel.load(twin)
    ours_to_twin = np.linalg.inv(image.affine) @ LPS_TO_RAS @ volume.affine_lps_mm
    kji = np.indices(volume.voxels_kji.shape).reshape(3, -1)
    ijk1 = np.vstack([kji[::-1], np.ones(kji.shape[1])])
    found = (ours_to_twin @ ijk1)[:3]
    off_mm = np.abs(image.affine[:3, :3] @ (found - found.round())).max()
    assert off_mm < distance_mm
    index = tuple(found.round().astype(int))
    assert all((axis >= 0).all() and (axis < size).all() for axis, size in zip(index, image.shape, strict=True))
    values: NDArray[np.float64] = np.asarray(image.dataobj)[index]
    return values.reshape(volume.voxels_kji.shape)


@pytest.mark.parametrize(
    "series",
    [
        "ge/anatomical/001",
        "generic/anatomical/001",
        "generic/anatomical/001_implicit",
        "generic/anatomical/002_non_isotropic",
        "generic/compressed/001",
        "generic/compressed_rle/001",
        "generic/compressed_jpegls/001",
        "generic/compressed_j2k/001",
        "generic/compressed_jpeg/001",
        "hyperfine/anatomical/001",
    ],
)
def test_another_converter_found_the_same_places_and_values(series: str) -> None:
    volume = _volume(f"{EXTRACTS}/{series}")
    twin = _twin_on_our_grid(volume, data_path(f"{EXTRACTS}/{series}_ground_truth.nii.gz"))
    assert volume.voxels_kji.size == twin.size and np.allclose(volume.voxels_kji, twin, rtol=1e-6)


@pytest.mark.parametrize("modality", ["CT", "PET", "MR_T1"])
def test_sarcoma_series_match_their_twins(modality: str) -> None:
    volume = _volume(f"{STS}/dicom/STS_002/{modality}/image")
    twin = _twin_on_our_grid(volume, data_path(f"{STS}/nifti/STS_002/{modality}_image.nii.gz"), distance_mm=2e-3)
    assert np.allclose(volume.voxels_kji, twin, rtol=1e-5, atol=1e-4)


def test_sarcoma_series_share_a_frame_of_reference() -> None:
    volumes = [_volume(f"{STS}/dicom/STS_002/{modality}/image") for modality in ("CT", "PET", "MR_T1")]
    assert len({volume.frame_of_reference_uid for volume in volumes}) == 1
    assert [volume.unit for volume in volumes] == ["HU", "SUV", ""]


@pytest.mark.parametrize(
    ("series", "shape", "spacing"),
    [
        (f"{STUDIES}/Study1/13_HCropVolume", (32, 51, 35), (1, 1, 1)),
        (f"{STUDIES}/Study2/14_HCropVolume", (35, 48, 36), (1, 1, 1)),
        (f"{STUDIES}/Study2/14-T1post-22014", (24, 512, 512), (0.4297, 0.4297, 6.5)),
        ("dicom/neurolabusc__dcm_qa_ct/In/Philips/S21570/S2010", (28, 512, 512), (0.4512, 0.4512, 5)),
        (f"{EXTRACTS}/hitachi/anatomical/001", (4, 64, 64), (2.3437, 2.3437, 4)),
        (f"{EXTRACTS}/philips_enhanced/anatomical/001", (8, 256, 256), (1, 1, 1.2)),
        (f"{EXTRACTS}/siemens_multiframe/anatomical/001", (8, 256, 256), (0.9375, 0.9375, 0.9)),
        (f"{EXTRACTS}/hyperfine/anatomical/001", (8, 138, 112), (1.59, 1.61, 5)),
        ("dicom/QIICR__dcmqi/data/segmentations/24x38x3/multiframe", (3, 38, 24), (0.7, 0.7, 2.5)),
    ],
)
def test_shape_and_spacing(series: str, shape: tuple[int, int, int], spacing: tuple[float, float, float]) -> None:
    volume = _volume(series)
    assert volume.voxels_kji.shape == shape
    assert volume.spacing_ijk_mm == pytest.approx(spacing, abs=2e-4)
    assert len(volume.slices) == shape[0] and len(set(volume.slices)) == shape[0]


@pytest.mark.parametrize("size", ["23x38x3", "24x38x3"])
def test_single_frames_and_their_multi_frame_twin_agree(size: str) -> None:
    single, multi = (_volume(f"dicom/QIICR__dcmqi/data/segmentations/{size}/{kind}") for kind in ("image", "multiframe"))
    assert np.array_equal(single.voxels_kji, multi.voxels_kji)
    assert np.allclose(single.affine_lps_mm, multi.affine_lps_mm, atol=1e-6)


@pytest.mark.parametrize(
    ("series", "code", "asked"),
    [
        (f"{EXTRACTS}/failing/gantrytilting/001", "gantry-tilt", {}),
        (f"{EXTRACTS}/failing/sliceincrement/001", "slice-gap", {}),
        (f"{EXTRACTS}/failing/slicecount/001", "too-few-slices", {"minimum_slices": 3}),
        (f"{EXTRACTS}/ge/dti/001", "duplicate-position", {}),
        (f"{EXTRACTS}/ge/fmri/001", "duplicate-position", {}),
        (f"{EXTRACTS}/philips_enhanced/dti/001", "duplicate-position", {}),
        (f"{EXTRACTS}/philips_enhanced/fmri/001", "duplicate-position", {}),
        (f"{EXTRACTS}/siemens/fmri/001", "mosaic-image", {}),
        (f"{EXTRACTS}/generic/rgb/001", "colour-image", {}),
        ("dicom/neurolabusc__dcm_qa_enh/In/Philips", "duplicate-position", {}),
        ("dicom/neurolabusc__dcm_qa_enh/In/Siemens/XA10", "duplicate-position", {}),
        ("dicom/neurolabusc__dcm_qa_agfa/Siemens", "duplicate-position", {}),
        ("dicom/neurolabusc__dcm_qa_agfa/Agfa", "duplicate-position", {}),
        ("dicom/neurolabusc__dcm_qa_12bit/In", "mosaic-image", {}),
        ("dicom/neurolabusc__dcm_qa_table/In/GE/Exam1486_Laser794mm/01_3_Plane_Localizer_FF", "mixed-orientation", {}),
        ("dicom/neurolabusc__dcm_qa_ct/In/Philips/S21570/S4010", "colour-image", {}),
        (f"{STS}/dicom/STS_002/CT/mask", "no-pixels", {}),
        (f"{WG04}/JPLY/MR1_JPLY", "undecodable-pixels", {"spatial_dims": 2}),
    ],
)
def test_refused_by_name(series: str, code: str, asked: dict[str, int]) -> None:
    assert _refusal(series, **asked).reason_code == code


def test_one_time_point_of_an_enhanced_series_is_a_volume() -> None:
    paths = _paths(data_path("dicom/neurolabusc__dcm_qa_enh/In/Siemens/XA10"))
    volumes = [assemble(read_files([path])) for path in paths]
    assert [volume.voxels_kji.shape for volume in volumes] == [(6, 64, 64)] * 4
    assert len({volume.affine_lps_mm.tobytes() for volume in volumes}) == 1


def test_an_archive_that_renames_private_tags_changes_nothing() -> None:
    for name in ("011-0001.img", "011-0004.img"):
        before, after = (_volume(f"dicom/neurolabusc__dcm_qa_agfa/{folder}/{name}") for folder in ("Siemens", "Agfa"))
        assert before.voxels_kji.shape == (25, 64, 64)
        assert np.array_equal(before.voxels_kji, after.voxels_kji) and np.array_equal(before.affine_lps_mm, after.affine_lps_mm)


def test_one_series_in_five_encodings() -> None:
    kinds = ("compressed", "compressed_j2k", "compressed_jpeg", "compressed_jpegls", "compressed_rle")
    volumes = [_volume(f"{EXTRACTS}/generic/{kind}/001") for kind in kinds]
    assert volumes[0].voxels_kji.any()
    assert all(np.array_equal(volume.voxels_kji, volumes[0].voxels_kji) for volume in volumes)


def test_one_image_in_seven_transfer_syntaxes() -> None:
    datasets = read_files(sorted(data_path("dicom/neurolabusc__dcm_qa_ts/In").iterdir()))
    assert len({dataset.file_meta.TransferSyntaxUID for dataset in datasets}) == 7
    stored = {decode(dataset, 1, dataset.Rows, dataset.Columns).astype(np.int64).tobytes() for dataset in datasets}
    assert len(stored) == 1


def test_bits_above_the_stored_ones_are_not_values() -> None:
    files = {path.stem: path for path in data_path("dicom/neurolabusc__dcm_qa_12bit/In").iterdir()}
    [signed, unsigned] = read_files([files["12bitSigned_0x0F0F"], files["12bitUnsigned_0x0F0F"]])
    signed_values, unsigned_values = (decode(dataset, 1, 384, 384) for dataset in (signed, unsigned))
    assert (signed_values.min(), signed_values.max()) == (-2048, 2047)
    assert np.array_equal(signed_values & 0xFFF, unsigned_values)


@pytest.mark.parametrize("image", ["CT1", "CT2", "NM1", "XA1"])
def test_reference_images_are_equal_in_every_lossless_encoding(image: str) -> None:
    folders = [folder for folder in ("J2KR", "JLSL", "JPLL", "RLE") if data_path(f"{WG04}/{folder}/{image}_{folder}").exists()]
    datasets = read_files(data_path(f"{WG04}/{folder}/{image}_{folder}") for folder in folders)
    stored = [decode(dataset, 1, dataset.Rows, dataset.Columns).astype(np.int64) for dataset in datasets]
    assert len(stored) == 4 and all(np.array_equal(one, stored[0]) for one in stored)


@pytest.mark.slow
def test_every_file_of_the_collection_is_read_or_refused() -> None:
    """Nothing but a refusal may come out of any series in the collection, odd and broken ones too."""
    found = scan(data_path("dicom"))
    codes = set()
    for files in found.series.values():
        for spatial_dims in (2, 3):
            try:
                volume = assemble(read_files(file.path for file in files), spatial_dims=spatial_dims)
                assert np.isfinite(volume.affine_lps_mm).all() and len(volume.slices) == len(volume.voxels_kji)
            except InputError as error:
                codes.add(error.reason_code)
    assert len(found.series) > 60 and codes >= {"no-pixels", "colour-image", "mixed-orientation", "undecodable-pixels"}


def test_an_ultrasound_in_colour_reads_the_same_from_three_encodings() -> None:
    asked: dict[str, Any] = {"spatial_dims": 2, "scale": "unknown", "colour": "grey"}
    rle, reversible, lossy = (_volume(f"{WG04}/{name}", **asked).voxels_kji for name in US_IN_COLOUR)
    assert rle.shape == (1, 480, 640) and rle.max() > 200
    assert np.abs(rle - reversible).max() < 0.01
    assert 0.0 < np.abs(rle - lossy).mean() < 2.0

from __future__ import annotations

from pathlib import Path

import nibabel
import numpy as np
import pytest
from pydicom import dcmread

from inference.volume import assemble
from tests.support.validators import dciodvfy
from training.phantom.anatomy import LABELS
from training.phantom.body import Phantom, make_phantom
from training.phantom.files import write_dicom, write_nifti

pytestmark = pytest.mark.heavy

GRID = ((48, 64, 64), (6.0, 6.0, 6.0))


@pytest.fixture(scope="module")
def phantom() -> Phantom:
    return make_phantom(5, *GRID)


def test_organs_have_the_size_density_and_side_of_a_body(phantom: Phantom) -> None:
    litres = {name: (phantom.labels_kji == value).sum() * 6**3 / 1e6 for value, name in enumerate(LABELS, start=1)}
    assert 0.5 < litres["Left lung"] < 4 and 0.8 < litres["Liver"] < 2.5 and 0.05 < litres["Right kidney"] < 0.4
    assert phantom.voxels_kji.min() >= -1024 and phantom.voxels_kji[0, 0, 0] < -900
    for value, (low, high) in {1: (-900, -700), 4: (20, 160), 8: (80, 400)}.items():
        assert low < phantom.voxels_kji[phantom.labels_kji == value].mean() < high
    x = {value: phantom.affine_lps_mm[0, 3] + 6 * np.argwhere(phantom.labels_kji == value)[:, 2].mean() for value in range(1, 10)}
    assert x[1] > 40 > -40 > x[2] and x[5] > 40 and x[4] < -20 and x[6] > 20 > -20 > x[7]  # LPS: left is positive


def test_same_seed_same_voxels_and_another_person_otherwise(phantom: Phantom) -> None:
    again, other = make_phantom(5, *GRID), make_phantom(6, *GRID)
    assert np.array_equal(phantom.voxels_kji, again.voxels_kji) and np.array_equal(phantom.labels_kji, again.labels_kji)
    assert (phantom.labels_kji != other.labels_kji).mean() > 0.02


def test_one_person_on_two_grids_is_the_same_person(phantom: Phantom) -> None:
    fine = make_phantom(5, (96, 128, 128), (3.0, 3.0, 3.0))
    coarse_ml = np.bincount(phantom.labels_kji.ravel(), minlength=10)[1:] * 6**3
    fine_ml = np.bincount(fine.labels_kji.ravel(), minlength=10)[1:] * 3**3
    assert np.allclose(coarse_ml / fine_ml, 1, atol=0.12)


def test_dicom_study_is_read_back_voxel_for_voxel(phantom: Phantom, tmp_path: Path) -> None:
    paths = write_dicom(phantom, tmp_path, seed=5)
    datasets = [dcmread(path) for path in paths]
    volume = assemble(datasets[::-1], spatial_dims=3, minimum_slices=32)
    assert np.array_equal(volume.voxels_kji, phantom.voxels_kji)
    assert np.allclose(volume.affine_lps_mm, phantom.affine_lps_mm, atol=2e-3)
    assert str(datasets[0].PatientName) == "PHANTOM^FIVE" and volume.unit == "HU"
    assert len({dataset.SOPInstanceUID for dataset in datasets}) == 48 and len({d.StudyInstanceUID for d in datasets}) == 1
    assert write_dicom(phantom, tmp_path / "again", seed=5)[7].read_bytes() == paths[7].read_bytes()
    assert dciodvfy(paths[3]) == []


def test_nifti_is_in_its_own_frame(phantom: Phantom, tmp_path: Path) -> None:
    write_nifti(phantom, tmp_path, seed=5)
    image = nibabel.nifti1.load(tmp_path / "images" / "phantom_005.nii.gz")
    assert nibabel.aff2axcodes(image.affine) == ("L", "P", "S")
    assert np.array_equal(np.asarray(image.dataobj).transpose(2, 1, 0), phantom.voxels_kji)

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from storage.base.errors import ConfigError
from tests.unit.training.data.made import RANGES, recipe_of, volume, write_pair, write_pairs
from training.data import read_cases, read_parts
from training.phantom.body import make_phantom
from training.phantom.files import write_nifti

NIFTI = {"kind": "nifti"}


def test_nifti_comes_in_the_patient_frame(tmp_path: Path) -> None:
    for seed in (2, 5, 7):
        write_nifti(make_phantom(seed, (12, 16, 16), (24.0, 26.0, 26.0)), tmp_path, seed)
    phantom = make_phantom(2, (12, 16, 16), (24.0, 26.0, 26.0))
    (case,) = read_cases(recipe_of(NIFTI | {"duplicates": None}, labels=9), "train", tmp_path)
    assert np.allclose(case.affine_lps_mm, phantom.affine_lps_mm)
    assert np.array_equal(case.voxels_kji, phantom.voxels_kji) and np.array_equal(case.mask_kji, phantom.labels_kji)


def test_wanting_data_is_named(tmp_path: Path) -> None:
    recipe = recipe_of(NIFTI)
    with pytest.raises(ConfigError, match="--data"):
        read_parts(recipe, None)
    with pytest.raises(ConfigError, match=r"no file images/"):
        read_parts(recipe, tmp_path)
    write_pairs(tmp_path)
    (tmp_path / "labels" / "case_005.nii.gz").unlink()
    with pytest.raises(ConfigError, match=r"case_005\.nii\.gz: the mask of case_005\.nii\.gz is missing"):
        read_parts(recipe, tmp_path)


def test_a_cut_file_is_named(tmp_path: Path) -> None:
    write_pairs(tmp_path)
    whole = (tmp_path / "labels" / "case_005.nii.gz").read_bytes()
    for cut in (b"cut", whole[:-20], whole[:100]):
        (tmp_path / "labels" / "case_005.nii.gz").write_bytes(cut)
        with pytest.raises(ConfigError, match=r"case_005\.nii\.gz: no readable NIfTI"):
            list(read_cases(recipe_of(NIFTI), "validate", tmp_path))


@pytest.mark.parametrize("value", [3, -1, 0.5])
def test_labels_out_of_range(tmp_path: Path, value: float) -> None:
    write_pairs(tmp_path)
    voxels, labels = volume(1)
    odd = labels.astype(np.float32)
    odd[0, 0, 0] = value
    write_pair(tmp_path, 1, voxels, odd)
    with pytest.raises(ConfigError, match=rf"case_001.*holds the value {value}, beyond the recipe's labels \(0 to 2\)"):
        list(read_cases(recipe_of(NIFTI), "train", tmp_path))


def test_another_size_or_place(tmp_path: Path) -> None:
    write_pairs(tmp_path)
    voxels, _ = volume(1)
    _, smaller = volume(1, (6, 8, 9))
    write_pair(tmp_path, 1, voxels, smaller)
    with pytest.raises(ConfigError, match=r"its grid is not that of"):
        list(read_cases(recipe_of(NIFTI), "train", tmp_path))


def test_names_in_folders_and_patterns_that_stay_inside(tmp_path: Path) -> None:
    (tmp_path / "STS_1").mkdir()
    write_pairs(tmp_path / "STS_1")
    data = NIFTI | {"images": "STS_*/images/*.nii.gz", "labels": "STS_1/labels/{name}"}
    names = read_parts(recipe_of(data), tmp_path).names("validate")
    assert names == ["STS_1/images/case_005", "STS_1/images/case_006"]
    for bad in ("../images/*", "/etc/*"):
        with pytest.raises(ConfigError, match="below --data"):
            read_parts(recipe_of(NIFTI | {"images": bad}), tmp_path)


def test_a_range_without_cases(tmp_path: Path) -> None:
    write_pairs(tmp_path, range(1, 7))
    with pytest.raises(ConfigError, match="no case is in the part test"):
        read_parts(recipe_of(NIFTI), tmp_path)


def test_pairs_of_one_person_are_never_parted(tmp_path: Path) -> None:
    """Cases 2k-1 and 2k are one person: a split at an odd case fails before anything is read."""
    write_pairs(tmp_path)
    paired = NIFTI | {"group": {"by": "consecutive", "size": 2, "means": "person"}}
    assert read_parts(recipe_of(paired), tmp_path).names("test") == ["case_007", "case_008"]
    odd = paired | {"split": RANGES | {"train": [1, 3], "validate": [4, 6]}}
    with pytest.raises(ConfigError, match=r"parts the cases of one person at case_003 \(train\) and case_004 \(validate\)"):
        read_parts(recipe_of(odd), tmp_path)

"""What is wrong with the voxels is named before the first step."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from storage.base.errors import ConfigError
from tests.unit.training.data.made import RANGES, grey, recipe_of, volume, write_pair, write_pairs, write_png
from training.data import read_parts

NIFTI = {"kind": "nifti"}


def test_values_that_are_not_finite(tmp_path: Path) -> None:
    write_pairs(tmp_path)
    voxels, labels = volume(3)
    voxels[1, 2, 3] = np.nan
    write_pair(tmp_path, 3, voxels, labels)
    with pytest.raises(ConfigError, match="case_003: its image holds values that aren't finite"):
        read_parts(recipe_of(NIFTI), tmp_path)


def test_a_label_that_no_training_case_holds(tmp_path: Path) -> None:
    write_pairs(tmp_path)
    for number in range(1, 5):
        voxels, labels = volume(number)
        write_pair(tmp_path, number, voxels, np.where(labels == 2, 0, labels))
    with pytest.raises(ConfigError, match=r"label 2 \(Right lung\): the mask of none of the 4 training cases"):
        read_parts(recipe_of(NIFTI), tmp_path)


def test_repeated_images_fail_unless_treated(tmp_path: Path) -> None:
    write_pairs(tmp_path)
    write_pair(tmp_path, 7, *volume(2))
    with pytest.raises(ConfigError, match=r"1 pairs .* 1 of them in two parts: case_002 and case_007"):
        read_parts(recipe_of(NIFTI), tmp_path)
    dataset = read_parts(recipe_of(NIFTI | {"duplicates": {"treat": "drop"}}), tmp_path)
    assert dataset.names("train") == ["case_001", "case_003", "case_004"] and dataset.names("test") == ["case_007", "case_008"]
    assert read_parts(recipe_of(NIFTI | {"duplicates": None}), tmp_path).findings.pairs == ()


PICTURES: dict[str, Any] = {"kind": "png", "images": "*/*.png", "class_from": "folder", "classes": {"a": 0, "b": 1}}


def _pictures(folder: Path, b_from: int) -> None:
    for number in range(1, 9):
        write_png(folder / ("a" if number < b_from else "b") / f"{number}.png", grey(number))


def test_a_class_without_training_cases(tmp_path: Path) -> None:
    _pictures(tmp_path, 5)
    with pytest.raises(ConfigError, match=r"class 1 \(Left lung\): none of the 4 training cases is of it"):
        read_parts(recipe_of(PICTURES, 1, "classification", 2), tmp_path)


def test_a_missing_mask_or_class(tmp_path: Path) -> None:
    _pictures(tmp_path, 3)
    with pytest.raises(ConfigError, match="has no mask"):
        read_parts(recipe_of(PICTURES, 1, "segmentation", 2), tmp_path)
    with pytest.raises(ConfigError, match="has no class"):
        read_parts(recipe_of(PICTURES | {"class_from": ""}, 1, "classification", 2), tmp_path)
    with pytest.raises(ConfigError, match=r"a/1: the class 'a' is not in data\.classes"):
        read_parts(recipe_of(PICTURES | {"classes": {"b": 1}}, 1, "classification", 2), tmp_path)


def test_channels_that_the_network_does_not_take(tmp_path: Path) -> None:
    _pictures(tmp_path, 3)
    with pytest.raises(ConfigError, match=r"a/1: has 3 channels, but the network takes 1"):
        read_parts(recipe_of(PICTURES | {"colour": "rgb"}, 1, "classification", 2), tmp_path)


def test_volumes_for_a_network_of_images(tmp_path: Path) -> None:
    write_pairs(tmp_path)
    with pytest.raises(ConfigError, match="is a volume, but the model takes images"):
        read_parts(recipe_of(NIFTI, dims=2), tmp_path)


def test_a_folder_that_is_none(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="is no folder"):
        read_parts(recipe_of(PICTURES, 1, "classification", 2), tmp_path / "none")


def test_phantoms_need_neither_folder_nor_reading() -> None:
    data = {"kind": "phantom", "size_kji": [6, 8, 10], "spacing_mm_kji": [48.0, 50.0, 40.0], "split": RANGES}
    dataset = read_parts(recipe_of(data, labels=2), None)
    assert dataset.names("test") == ["phantom_007", "phantom_008"] and dataset.surveyed is None


def test_pictures_of_our_own_take_turns_by_class() -> None:
    data = {"kind": "phantom-pictures", "of": "chest", "size_ji": [32, 40], "split": RANGES}
    case = next(read_parts(recipe_of(data, 1, "classification", 2), None).cases("test"))
    assert (case.name, case.class_index, case.voxels_ckji.shape) == ("chest_007", 1, (1, 1, 32, 40))
    data = {"kind": "phantom-pictures", "of": "fetal-head", "split": RANGES}
    case = next(read_parts(recipe_of(data, 1, "segmentation", 2), None).cases("test"))
    assert case.class_index is None and case.mask_kji.any() and case.truths.keys() == {"circumference_mm"}

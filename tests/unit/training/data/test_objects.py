"""Single objects: from mask files, from connected parts, in phantoms, and on the model's grid."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from pydantic import ValidationError

from storage.base.errors import ConfigError
from tests.unit.training.data.made import grey, recipe_of, write_png
from training.data import Case, grid_case
from training.data.objects import from_masks, objects_in
from training.data.sources import list_entries
from training.recipe import Recipe
from training.recipe.checks.said import said

_SIZE = (20, 24)
_PNG: dict[str, Any] = {
    "kind": "png",
    "images": "*/???.png",
    "masks": "{folder}/{stem}_mask*.png",
    "class_from": "folder",
    "classes": {"normal": 0, "benign": 1, "malignant": 2},
    "instances": "files",
    "instance_label": "class",
}


def _box(corner: int, side: int = 6) -> np.ndarray:
    mask = np.zeros(_SIZE, dtype=np.uint8)
    mask[corner : corner + side, corner : corner + side] = 255
    return mask


def _folder(folder: Path) -> Path:
    """Two malignant lesions that overlap, a benign one, and a normal image with an empty mask."""
    for name, masks in {"malignant/001": [_box(2, 12), _box(10)], "benign/002": [_box(4)], "normal/003": [_box(0, 0)]}.items():
        write_png(folder / f"{name}.png", grey(int(name[-1])))
        for number, mask in enumerate(masks):
            write_png(folder / f"{name}_mask{f'_{number}' if number else ''}.png", mask)
    return folder


def _read(folder: Path, **more: Any) -> dict[str, Case]:
    recipe = recipe_of(_PNG | more, 2, "segmentation", 2)
    return {entry.name: entry.read() for entry in list_entries(recipe, folder)}


def test_each_mask_file_is_an_object_of_the_class_of_its_image(tmp_path: Path) -> None:
    cases = {case.name[-3:]: case for case in _read(_folder(tmp_path)).values()}
    two, one, none = cases["001"], cases["002"], cases["003"]
    assert two.instance_labels == (2, 2) and one.instance_labels == (1,) and none.instance_labels == ()
    assert two.instances_kji is not None and two.instances_kji.shape == (1, *_SIZE)
    assert (two.instances_kji == 2).sum() == 36  # the smaller one keeps what both cover
    assert set(np.unique(two.mask_kji)) == {0, 2} and not none.mask_kji.any()
    assert [objects_in(case, 3) for case in (two, one, none)] == [(2, 2), (1,), ()]


def test_connected_parts_are_objects_of_the_masks_own_label(tmp_path: Path) -> None:
    cases = _read(_folder(tmp_path), instances="parts", instance_label="mask")
    assert {case.name[-3:]: case.instance_labels for case in cases.values()} == {"001": (1,), "002": (1,), "003": ()}


def test_a_mark_on_an_image_without_a_label_is_named(tmp_path: Path) -> None:
    write_png(_folder(tmp_path) / "normal" / "003_mask.png", _box(4))
    with pytest.raises(ConfigError, match=r"003_mask\.png: marks something on an image whose class is none of the labels"):
        _read(tmp_path)


@pytest.mark.parametrize(
    ("labels", "painted", "says"),
    [
        ((1,), (1, 2), "object 2 has no label"),
        ((1, 3), (1, 2), r"an object of label 3, but package\.labels has 1 to 2"),
        ((1, 1), (1,), "object 2 has no voxel"),
    ],
)
def test_objects_that_do_not_fit_their_labels(labels: tuple[int, ...], painted: tuple[int, ...], says: str) -> None:
    instances = np.zeros((1, 4, 4), dtype=np.uint16)
    instances[0, 0, : len(painted)] = painted
    case = Case("odd", "odd", np.zeros((1, 1, 4, 4), np.float32), np.eye(4), instances_kji=instances, instance_labels=labels)
    with pytest.raises(ConfigError, match=f"odd: {says}"):
        objects_in(case, 3)


@pytest.mark.parametrize(
    ("more", "says"),
    [
        ({"mask": "values"}, "instances: files needs one object a mask"),
        ({"classes": {}, "class_from": ""}, "instance_label: class needs the key classes"),
    ],
)
def test_keys_that_contradict_each_other(more: dict[str, Any], says: str) -> None:
    with pytest.raises(ValidationError) as raised:
        recipe_of(_PNG | more, 2, "segmentation", 2)
    assert says in said(raised.value)


def test_an_empty_mask_is_no_object_and_takes_no_number() -> None:
    empty, small = np.zeros((4, 4), bool), np.zeros((4, 4), bool)
    small[1, 1] = True
    assert from_masks([empty, small], (4, 4)).max() == 1


def test_objects_come_to_the_models_grid_like_masks(tmp_path: Path) -> None:
    recipe = recipe_of(_PNG, 2, "segmentation", 2)
    case = next(case for case in _read(_folder(tmp_path)).values() if case.name.endswith("001"))
    found = grid_case(case, recipe)
    assert found.instances is not None and found.instance_labels == (2, 2)
    assert (
        found.instances.shape == found.mask.shape and (found.instances.numpy() > 0).tolist() == (found.mask.numpy() > 0).tolist()
    )


def _phantoms(**nodules: Any) -> Recipe:
    split = {"kind": "ranges", "train": [1, 2], "validate": [3, 3], "test": [4, 4]}
    data = {"kind": "phantom", "size_kji": [20, 56, 56], "spacing_mm_kji": [15, 7, 7], "split": split, "nodules": nodules}
    return recipe_of(data, 1)


def test_nodules_of_a_phantom_are_objects_in_its_lungs() -> None:
    plain = list_entries(_phantoms().model_copy(update={"data": _phantoms().data.model_copy(update={"nodules": None})}), None)
    entries = list_entries(_phantoms(count=[3, 3], diameter_mm=[25, 40]), None)
    case, before = entries[0].read(), plain[0].read()
    instances = case.instances_kji
    assert instances is not None and case.instance_labels == (1,) * int(instances.max()) and 1 <= instances.max() <= 3
    assert np.array_equal(case.mask_kji, instances > 0)
    assert np.isin(before.mask_kji[instances > 0], (1, 2)).mean() > 0.5
    assert case.voxels_kji[instances > 0].mean() > before.voxels_kji[instances > 0].mean() + 300
    far = instances == 0
    assert np.abs(case.voxels_kji - before.voxels_kji)[far].mean() < 5
    again = list_entries(_phantoms(count=[3, 3], diameter_mm=[25, 40]), None)[0].read()
    assert np.array_equal(again.voxels_kji, case.voxels_kji)

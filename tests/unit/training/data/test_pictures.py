"""Images with masks, classes and tables: PNG folders, CSV lists, arrays."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from storage.base.errors import ConfigError
from tests.unit.training.data.made import grey, recipe_of, write_png
from training.data import read_parts
from training.data.sources import list_entries
from training.recipe import Recipe

NUMBERS = range(1, 9)


def _box(value: int, corner: int = 3, size: tuple[int, int] = (20, 24)) -> np.ndarray:
    mask = np.zeros(size, dtype=np.uint8)
    mask[corner : corner + 6, corner : corner + 8] = value
    return mask


def _heads(folder: Path, **more: Any) -> Recipe:
    rows = ["filename,mm,hc,site"]
    for number in NUMBERS:
        write_png(folder / "images" / f"{number:03d}_HC.png", grey(number))
        write_png(folder / "masks" / f"{number:03d}_HC.png", _box(255))
        rows.append(f"{number:03d}_HC.png,0.{number},{100 + number}.5,{'A' if number % 2 else 'B'}")
    (folder / "cases.csv").write_text("\n".join(rows) + "\n")
    data: dict[str, Any] = {"kind": "png", "masks": "masks/{name}", "table": "cases.csv", "spacing_column": "mm"}
    data |= {"truth_columns": {"circumference_mm": "hc"}, "trait_columns": {"site": "site"}, "split": _RANGES}
    return recipe_of(data | more, 1, "segmentation", 2)


_RANGES = {"kind": "ranges", "train": [1, 4], "validate": [5, 6], "test": [7, 8]}


def test_a_table_gives_spacing_truths_and_traits(tmp_path: Path) -> None:
    case = next(read_parts(_heads(tmp_path), tmp_path).cases("validate"))
    assert case.name == "005_HC" and case.truths == {"circumference_mm": 105.5} and case.traits == {"site": "A"}
    assert np.array_equal(case.voxels_ckji, grey(5)[None, None]) and np.array_equal(case.mask_kji, _box(1)[None])
    assert np.allclose(np.diag(case.affine_lps_mm), [0.5, 0.5, 1, 1])


def test_a_table_that_does_not_fit(tmp_path: Path) -> None:
    recipe = _heads(tmp_path)
    text = (tmp_path / "cases.csv").read_text()
    for before, after, says in [
        ("006_HC.png,0.6", "006_HC.png,-1", "006_HC: its spacing in mm isn't positive"),
        ("006_HC.png,0.6", "006_HC.png,wide", "006_HC: the table's column mm holds no number"),
        ("006_HC.png", "060_HC.png", r"006_HC\.png: has no row in cases\.csv"),
        (",mm,", ",millimetres,", "no column 'mm'; it has: filename, millimetres"),
    ]:
        (tmp_path / "cases.csv").write_text(text.replace(before, after))
        with pytest.raises(ConfigError, match=says):
            read_parts(recipe, tmp_path)
    (tmp_path / "cases.csv").unlink()
    with pytest.raises(ConfigError, match=r"cases\.csv: the recipe's data\.table is missing"):
        read_parts(recipe, tmp_path)


def test_masks_are_united_and_are_no_images(tmp_path: Path) -> None:
    for number in NUMBERS:
        write_png(tmp_path / "a" / f"n [{number}].png", grey(number))
        write_png(tmp_path / "a" / f"n [{number}]_mask.png", _box(255))
        write_png(tmp_path / "a" / f"n [{number}]_mask_1.png", _box(255, 11))
    data = {"kind": "png", "images": "*/*.png", "masks": "{folder}/{stem}_mask*.png", "class_from": "folder"}
    dataset = read_parts(recipe_of(data, 1, "segmentation", 2), tmp_path)
    assert dataset.names("test") == ["a/n [7]", "a/n [8]"] and dataset.entries[0].traits == {"class": "a"}
    case = next(dataset.cases("test"))
    assert np.array_equal(case.mask_kji[0], np.maximum(_box(1), _box(1, 11)))


@pytest.mark.parametrize(
    ("kind", "stored", "expected"),
    [
        ("filled", _box(1), _box(1)),
        ("filled", np.where(_box(1), 200, 90).astype(np.uint8), _box(1)),
        ("outline", _box(255) - np.pad(_box(255)[4:8, 4:10], ((4, 12), (4, 14))), _box(1)),
        ("values", _box(2), _box(2)),
    ],
)
def test_kinds_of_masks(tmp_path: Path, kind: str, stored: np.ndarray, expected: np.ndarray) -> None:
    write_png(tmp_path / "images" / "1.png", grey(1))
    write_png(tmp_path / "masks" / "1.png", stored)
    recipe = recipe_of({"kind": "png", "masks": "masks/{name}", "mask": kind}, 2, "segmentation", 2)
    (entry,) = list_entries(recipe, tmp_path)
    assert np.array_equal(entry.read().mask_kji[0], expected)


def test_sizes_values_and_files_that_do_not_fit(tmp_path: Path) -> None:
    recipe = _heads(tmp_path)
    mask, image = tmp_path / "masks" / "003_HC.png", tmp_path / "images" / "003_HC.png"
    write_png(mask, _box(255, size=(20, 23)))
    with pytest.raises(ConfigError, match=r"masks/003_HC\.png: 23 x 20 pixels, but 003_HC\.png has 24 x 20"):
        read_parts(recipe, tmp_path)
    write_png(mask, _box(255))
    with pytest.raises(ConfigError, match=r"001_HC\.png: holds the value 255, beyond the recipe's labels \(0 to 1\)"):
        read_parts(_heads_again(recipe, mask="values"), tmp_path)
    mask.unlink()
    with pytest.raises(ConfigError, match=r"images/003_HC\.png: no mask masks/\{name\}"):
        read_parts(recipe, tmp_path)
    write_png(mask, _box(255))
    for broken in (image.read_bytes()[:60], b"no image", b""):
        image.write_bytes(broken)
        with pytest.raises(ConfigError, match=r"003_HC\.png: no readable image"):
            read_parts(recipe, tmp_path)


def _heads_again(recipe: Recipe, **more: Any) -> Recipe:
    return recipe.model_copy(update={"data": recipe.data.model_copy(update=more)})


def test_colour_becomes_the_luma_that_the_node_reads(tmp_path: Path) -> None:
    pixels = np.stack([grey(1), grey(2), grey(3)], axis=-1)
    write_png(tmp_path / "images" / "1.png", pixels)
    Image.fromarray(grey(4).astype(np.uint16) * 200).save(tmp_path / "images" / "2.png")
    first, second = list_entries(recipe_of({"kind": "png"}, 1, "classification", 2), tmp_path)
    assert np.allclose(first.read().voxels_kji[0], pixels @ [0.299, 0.587, 0.114], atol=1e-3)
    assert np.array_equal(second.read().voxels_kji[0], grey(4).astype(np.float32) * 200)
    (first, _) = list_entries(recipe_of({"kind": "png", "colour": "rgb"}, 1, "classification", 2), tmp_path)
    assert np.array_equal(first.read().voxels_ckji[:, 0], np.moveaxis(pixels, -1, 0))


def _listed(folder: Path, **more: Any) -> Recipe:
    rows = ["file,verdict,who,part"]
    parts = ["train"] * 4 + ["val"] * 2 + ["test"] * 2
    for number, part in zip(NUMBERS, parts, strict=True):
        write_png(folder / "x" / f"{number}.png", grey(number))
        rows.append(f"x/{number}.png,{'ill' if number % 2 else 'well'},p{(number + 1) // 2},{part}")
    (folder / "list.csv").write_text("\n".join(rows) + "\n")
    data: dict[str, Any] = {
        "kind": "csv",
        "table": "list.csv",
        "image_column": "file",
        "class_column": "verdict",
        "part_column": "part",
    }
    data |= {"classes": {"well": 0, "ill": 1}, "group": {"by": "column", "column": "who", "means": "person"}}
    return recipe_of(data | {"split": {"kind": "given"}} | more, 1, "classification", 2)


def test_a_list_gives_parts_groups_and_classes(tmp_path: Path) -> None:
    dataset = read_parts(_listed(tmp_path), tmp_path)
    assert dataset.names("validate") == ["x/5", "x/6"]
    entry = dataset.of("validate")[0]
    assert (entry.group, entry.class_index, entry.traits) == ("person p3", 1, {"class": "ill"})


def test_a_list_that_parts_a_person_or_does_not_fit(tmp_path: Path) -> None:
    recipe = _listed(tmp_path)
    text = (tmp_path / "list.csv").read_text()
    for before, after, says in [
        ("p3,val", "p1,val", r"parts the cases of one person at x/1 \(train\) and x/5 \(validate\)"),
        ("p3,val", " P1 ,val", r"parts the cases of one person at x/1 \(train\) and x/5 \(validate\)"),
        ("p3,val", "  ,val", "has nothing in the column who"),
        ("p4,test", "p4,later", "'later' in the column part is none of train, validate, test"),
        ("x/4.png", "x/40.png", r"40\.png: an image of the table is missing"),
        ("x/4.png", "../4.png", "must be a path below --data"),
        ("p4,test", ",test", r"nothing in the column who \(data\.group\.column\)"),
    ]:
        (tmp_path / "list.csv").write_text(text.replace(before, after, 1))
        with pytest.raises(ConfigError, match=says):
            read_parts(recipe, tmp_path)


def _arrays(folder: Path, **changed: Any) -> Recipe:
    arrays: dict[str, Any] = {}
    for place, part in enumerate(("train", "val", "test")):
        arrays[f"{part}_images"] = np.stack([grey(10 * place + number, (9, 9)) for number in range(4)])
        arrays[f"{part}_labels"] = np.array([[0], [1], [0], [1]], dtype=np.uint8)
    np.savez(folder / "set.npz", **(arrays | changed))
    return recipe_of({"kind": "npz", "file": "set.npz", "split": {"kind": "given"}}, 1, "classification", 2)


def test_arrays_come_by_their_own_parts(tmp_path: Path) -> None:
    dataset = read_parts(_arrays(tmp_path), tmp_path)
    assert dataset.names("validate") == ["val_0000", "val_0001", "val_0002", "val_0003"]
    case = list(dataset.cases("validate"))[1]
    assert case.class_index == 1 and np.array_equal(case.voxels_kji[0], grey(11, (9, 9)))


def test_arrays_that_do_not_fit(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"val_0000 is of class 2, beyond the recipe's labels \(0 to 1\)"):
        read_parts(_arrays(tmp_path, val_labels=np.array([2, 1, 0, 1])), tmp_path)
    with pytest.raises(ConfigError, match="hold one number for each"):
        read_parts(_arrays(tmp_path, val_labels=np.array([1, 0])), tmp_path)
    with pytest.raises(ConfigError, match=r"no readable \.npz"):  # an array of objects would have to be unpickled
        read_parts(_arrays(tmp_path, val_labels=np.array([{}, 1, 1, 1], dtype=object)), tmp_path)
    recipe = _arrays(tmp_path)
    (tmp_path / "set.npz").write_bytes((tmp_path / "set.npz").read_bytes()[:400])
    with pytest.raises(ConfigError, match=r"no readable \.npz"):
        read_parts(recipe, tmp_path)
    (tmp_path / "set.npz").unlink()
    with pytest.raises(ConfigError, match=r"set\.npz: the recipe's data\.file is missing"):
        read_parts(recipe, tmp_path)


def test_a_table_may_name_single_dicom_images(tmp_path: Path, test_data: Path) -> None:
    (found,) = test_data.glob("dicom/udacity__AIHCND*/test1.dcm")
    (tmp_path / "film.dcm").symlink_to(found)
    (tmp_path / "list.csv").write_text("file,verdict\nfilm.dcm,well\n")
    data = {"kind": "csv", "table": "list.csv", "image_column": "file", "class_column": "verdict", "classes": {"well": 0}}
    (entry,) = list_entries(recipe_of(data, 1, "classification", 2), tmp_path)
    case = entry.read()
    assert entry.name == "film" and case.voxels_ckji.shape[:2] == (1, 1) and case.voxels_ckji.size > 10**5


def test_two_rows_of_one_image(tmp_path: Path) -> None:
    recipe = _heads(tmp_path)
    with (tmp_path / "cases.csv").open("a") as stream:
        stream.write("003_HC.png,1,1,A\n")
    with pytest.raises(ConfigError, match=r"two rows are of 003_HC\.png"):
        read_parts(recipe, tmp_path)

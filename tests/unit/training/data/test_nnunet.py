"""Data sets in nnU-Net's layout, of both versions, and the recipe that is made from one."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml

from storage.base.errors import ConfigError
from tests.unit.training.data.made import THIRDS, grey, recipe_of, volume, write_json, write_pairs, write_png
from training.data import read_parts, starting_recipe
from training.data.sources import list_entries
from training.recipe import Recipe

V1 = {
    "name": "Hippo",
    "licence": "CC-BY-SA 4.0",
    "modality": {"0": "MRI"},
    "labels": {"0": "background", "1": "Front", "2": "Back"},
}
V2 = {
    "channel_names": {"0": "CT"},
    "labels": {"background": 0, "Front": 1, "Back": 2},
    "file_ending": ".nii.gz",
    "numTraining": 8,
}


def _made(folder: Path, document: dict[str, Any], suffix: str = "_0000") -> Path:
    """``folder`` in nnU-Net's layout, with eight pairs."""
    folder.mkdir(exist_ok=True)
    write_pairs(folder)
    (folder / "images").rename(folder / "imagesTr")
    (folder / "labels").rename(folder / "labelsTr")
    for path in sorted((folder / "imagesTr").iterdir()):
        path.rename(path.with_name(path.name.replace(".nii.gz", f"{suffix}.nii.gz")))
    write_json(folder / "dataset.json", document)
    return folder


@pytest.mark.parametrize(("document", "suffix"), [(V1, "_0000"), (V1, ""), (V2, "_0000")])
def test_both_versions_and_the_decathlon(tmp_path: Path, document: dict[str, Any], suffix: str) -> None:
    folder = _made(tmp_path, document, suffix)
    dataset = read_parts(recipe_of({"kind": "nnunet", "split": THIRDS}), folder)
    assert len(dataset.entries) == 8 and dataset.entries[0].name == "case_001"
    case = next(dataset.named(["case_003"]))
    voxels, labels = volume(3)
    assert np.array_equal(case.voxels_kji, voxels) and np.array_equal(case.mask_kji, labels)


def test_the_channel_that_is_named_is_read(tmp_path: Path) -> None:
    folder = _made(tmp_path, V2 | {"channel_names": {"0": "T1", "1": "T2"}})
    for path in sorted((folder / "imagesTr").iterdir()):
        path.with_name(path.name.replace("_0000", "_0001")).symlink_to(path)
    recipe = recipe_of({"kind": "nnunet", "split": THIRDS, "channel": 1})
    assert len(list_entries(recipe, folder)) == 8
    (folder / "imagesTr" / "case_004_0001.nii.gz").unlink()
    with pytest.raises(ConfigError, match=r"case_004_0001\.nii\.gz: the image of case_004 is missing"):
        list_entries(recipe, folder)
    with pytest.raises(ConfigError, match=r"data\.channel: 2 is beyond"):
        list_entries(recipe_of({"kind": "nnunet", "split": THIRDS, "channel": 2}), folder)


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"labels": {"background": 0, "whole": [1, 2], "core": 2}}, "'whole' is a region"),
        ({"labels": {"background": 0, "organ": 1, "ignore": 2}}, "'ignore'"),
        ({"labels": {"background": 0, "organ": 2}}, "without a gap"),
        ({"labels": {"background": 0, "a": 1, "b": 1}}, "'a' and 'b' are both label 1"),
        ({"labels": {"background": 0, "organ": 1}}, "has 1 labels, package.labels 2"),
        ({"labels": ["organ"]}, "needs channel_names"),
        ({"file_ending": ".mha"}, "file_ending '.mha'"),
    ],
)
def test_descriptions_that_are_not_read(tmp_path: Path, change: dict[str, Any], says: str) -> None:
    folder = _made(tmp_path, V2 | change)
    with pytest.raises(ConfigError, match=says):
        list_entries(recipe_of({"kind": "nnunet", "split": THIRDS}), folder)


@pytest.mark.parametrize("document", [V1, V2])
def test_the_starting_recipe_reads_the_data_as_it_stands(tmp_path: Path, document: dict[str, Any]) -> None:
    folder = _made(tmp_path / "Dataset004_Hippo Campus", document)
    text = starting_recipe(folder)
    recipe = Recipe.model_validate(yaml.safe_load(text))
    labels = recipe.provisional_manifest().labels
    assert [(label.value, label.name) for label in labels] == [(1, "Front"), (2, "Back")]
    assert {"fit.steps", "package.grid.patch", "package.network.arguments", "package.intensity"} <= set(recipe.open_keys)
    assert recipe.package["inputs"][0]["modality"] == (["MR"] if document is V1 else ["CT"])
    assert recipe.name in ("hippo", "hippo-campus") and "no case" not in text
    dataset = read_parts(recipe, folder)
    assert {part: len(dataset.names(part)) for part in ("train", "validate", "test")} == {"train": 5, "validate": 1, "test": 2}
    assert starting_recipe(folder) == text


def test_pictures_with_label_values(tmp_path: Path) -> None:
    write_json(tmp_path / "dataset.json", V2 | {"file_ending": ".png"})
    for number in range(1, 5):
        write_png(tmp_path / "imagesTr" / f"c{number}_0000.png", grey(number))
        write_png(tmp_path / "labelsTr" / f"c{number}.png", grey(number) % 3)
    recipe = Recipe.model_validate(yaml.safe_load(starting_recipe(tmp_path)))
    assert recipe.dims == 2
    case = list_entries(recipe, tmp_path)[0].read()
    assert np.array_equal(case.mask_kji[0], grey(1) % 3)


def test_a_hostile_name_stays_a_comment(tmp_path: Path) -> None:
    folder = _made(tmp_path, V1 | {"name": "x\nseed: 99\n# y"})
    assert yaml.safe_load(starting_recipe(folder))["seed"] == 1

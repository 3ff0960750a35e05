"""Cases of several series: what the trainer makes of them is what the node makes of them, and what doesn't fit is named."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import nibabel
import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from inference.pipeline import prepare_inputs
from storage.base.errors import ConfigError
from tests.unit.training.fused import fused_document, fused_recipe, single_document
from training.data import grid_case, read_parts
from training.data.case import Series
from training.recipe import Recipe

SERIES = {"kind": "series", "folders": "p*", "series": {"mr": "mr.nii.gz", "pet": "pet*.nii.gz"}, "labels": "mask.nii.gz"}
SERIES |= {"labels_on": "mr", "group": {"by": "each", "means": "person"}, "statement": "made for a test"}
SERIES |= {"split": {"kind": "ranges", "train": [1, 1], "validate": [2, 2], "test": [3, 3]}}
LPS_TO_RAS = np.diag([-1.0, -1.0, 1.0, 1.0])


def _save(path: Path, voxels: NDArray[Any], spacing: float, start: tuple[float, float, float]) -> None:
    affine = np.diag([spacing, spacing, spacing, 1.0])
    affine[:3, 3] = start
    path.parent.mkdir(exist_ok=True)
    nibabel.nifti1.save(nibabel.nifti1.Nifti1Image(voxels.transpose(2, 1, 0), LPS_TO_RAS @ affine), path)


def _patient(folder: Path, number: int, pet: bool = True, start: tuple[float, float, float] = (-1.0, 0.0, 2.0)) -> None:
    random, place = np.random.default_rng(number), folder / f"p{number}"
    labels = np.zeros((8, 10, 12), np.uint8)
    labels[3:6, 3:6, 3:6] = 1
    _save(place / "mr.nii.gz", random.normal(size=(8, 10, 12)).astype(np.float32), 2.0, (1.0, 2.0, 3.0))
    _save(place / "mask.nii.gz", labels, 2.0, (1.0, 2.0, 3.0))
    if pet:
        _save(place / "pet.nii.gz", random.normal(size=(6, 7, 8)).astype(np.float32), 4.0, start)


def _recipe(**package: Any) -> Recipe:
    document = fused_document()
    document["data"] = SERIES
    document["package"] |= package
    return Recipe.model_validate(document)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for number in (1, 2, 3):
        _patient(tmp_path, number, pet=number != 2)
    return tmp_path


def test_the_trainers_input_is_the_nodes(folder: Path) -> None:
    """Bit for bit, from grids that differ, with an input missing and without."""
    recipe = _recipe()
    dataset = read_parts(recipe, folder)
    assert [entry.traits["series"] for entry in dataset.entries] == ["mr+pet", "mr", "mr+pet"]
    for case in dataset.named(["p1", "p2"]):
        volumes = {"mr": Series(case.voxels_kji, case.affine_lps_mm), **case.further}
        theirs, ours = prepare_inputs(volumes, recipe.manifest()), grid_case(case, recipe)
        assert torch.equal(ours.image, theirs.image) and torch.equal(ours.present, theirs.present)
        assert ours.present.tolist() == [True, case.name == "p1"] and ours.image.shape[1:] == ours.mask.shape
        assert bool(ours.image[1].any()) is (case.name == "p1")


def test_one_of_several_series_is_measured_on_the_labels_grid(folder: Path) -> None:
    document = single_document("pet")
    document["data"] = SERIES | {"split": {"kind": "ranges", "train": [1, 1], "validate": [3, 3], "test": [4, 4]}}
    _patient(folder, 4)
    case = next(read_parts(Recipe.model_validate(document), folder).cases("train"))
    whole = next(read_parts(_recipe(), folder).cases("train"))
    assert case.further == {} and np.array_equal(case.affine_lps_mm, whole.affine_lps_mm)
    assert case.voxels_kji.shape == case.mask_kji.shape and not np.array_equal(case.voxels_kji, whole.voxels_kji)
    assert case.voxels_kji[4, 5, 6] == pytest.approx(
        _trilinear(whole.further["pet"], whole.affine_lps_mm @ [6, 5, 4, 1]), abs=1e-5
    )


def _trilinear(series: Series, place_mm: NDArray[np.float64]) -> float:
    i, j, k = (np.linalg.inv(series.affine_lps_mm) @ place_mm)[:3]
    total = 0.0
    for dk, dj, di in np.ndindex(2, 2, 2):
        a, b, c = int(k) + dk, int(j) + dj, int(i) + di
        total += series.voxels_kji[a, b, c] * (1 - abs(k - a)) * (1 - abs(j - b)) * (1 - abs(i - c))
    return float(total)


def test_what_does_not_fit_is_named(folder: Path) -> None:
    needed = [{"name": "mr", "modality": ["MR"]}, {"name": "pet", "modality": ["PT"]}]
    with pytest.raises(ConfigError, match=r"p2: has no pet, which the package takes; make the input optional") as missing:
        read_parts(_recipe(inputs=needed), folder)
    assert missing.value.reason_code == "input-missing"
    _patient(folder, 2, start=(500.0, 0.0, 0.0))
    with pytest.raises(ConfigError, match=r"p2: pet shows 0\.0% of the place that the labels cover") as apart:
        read_parts(_recipe(), folder)
    assert apart.value.reason_code == "no-overlap"
    (folder / "p2" / "pet-2.nii.gz").write_bytes(b"")
    with pytest.raises(ConfigError, match=r"p2: 2 files fit data\.series\.pet: pet-2\.nii\.gz, pet\.nii\.gz; narrow") as many:
        read_parts(_recipe(), folder)
    assert many.value.reason_code == "many-series"


def test_a_mask_beside_its_series_and_values_that_are_no_numbers(folder: Path) -> None:
    _save(folder / "p3" / "pet.nii.gz", np.full((6, 7, 8), np.nan, np.float32), 4.0, (-1.0, 0.0, 2.0))
    with pytest.raises(ConfigError, match=r"p3: pet holds values that aren't finite"):
        read_parts(_recipe(), folder)
    _save(folder / "p1" / "mask.nii.gz", np.ones((8, 10, 12), np.uint8), 2.0, (1.0, 2.0, 5.0))
    with pytest.raises(ConfigError, match=r"mask\.nii\.gz: its grid is not that of .*mr\.nii\.gz"):
        read_parts(_recipe(), folder)


def test_a_case_without_the_series_of_the_labels_may_stay_out_of_the_split(folder: Path) -> None:
    (folder / "p9").mkdir()
    dataset = read_parts(_recipe(), folder)
    assert dataset.left_out == 1
    (folder / "p3" / "mr.nii.gz").unlink()
    with pytest.raises(ConfigError, match=r"p3: has no mr, on whose grid the labels lie; leave the case out of the split"):
        read_parts(_recipe(), folder)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"data": SERIES | {"labels_on": "ct"}}, "labels_on: 'ct' is none of series; it has mr, pet"),
        ({"data": SERIES | {"series": {"mr": "a"}}}, "package.inputs: pet is no series of data, which has mr"),
        ({"augment": {"drop_inputs": {"ct": 0.5}}}, "augment.drop_inputs: ct is none of several package.inputs"),
    ],
)
def test_sections_that_contradict_each_other(change: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        Recipe.model_validate({**fused_document(), **change})


def test_several_inputs_of_a_source_that_has_one() -> None:
    document = fused_document()
    document["data"] = {"kind": "nifti", "split": SERIES["split"], "statement": "made for a test"}
    with pytest.raises(ValueError, match=r"mr and pet are several, and a source of kind nifti has one; take data\.kind: series"):
        Recipe.model_validate(document)
    document = fused_document()
    document["package"]["network"]["arguments"]["in_channels"] = 1
    with pytest.raises(ValueError, match=r"in_channels: is 1; a channel for each of package.inputs needs 2"):
        Recipe.model_validate(document)


def test_phantoms_in_two_series() -> None:
    dataset = read_parts(fused_recipe(), None)
    case = next(dataset.cases("train"))
    again = next(read_parts(fused_recipe(), None).cases("train"))
    assert np.array_equal(case.voxels_kji, again.voxels_kji) and set(case.further) == {"pet"}
    assert case.further["pet"].voxels_kji.shape != case.voxels_kji.shape and 0 < case.mask_kji.mean() < 0.1
    assert np.array_equal(
        next(read_parts(Recipe.model_validate(single_document("pet")), None).cases("train")).mask_kji, case.mask_kji
    )

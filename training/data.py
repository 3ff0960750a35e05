"""Labelled cases: read from NIfTI files or made by the phantom generator, and brought to the model's grid by the node's code.

A case's split follows from its number alone. NIfTI's RAS frame becomes DICOM's LPS here and nowhere else.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import nibabel
import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from inference.pipeline.orient import Affine
from inference.pipeline.prepare import prepare, prepare_labels
from storage.base.errors import ConfigError
from training.phantom.body import make_phantom
from training.recipe import NiftiData, PhantomData, Recipe

Part = Literal["train", "validate", "test"]
_RAS_TO_LPS = np.diag([-1.0, -1.0, 1.0, 1.0])


@dataclass(frozen=True)
class Case:
    """A labelled volume on its own grid: voxels float32 and labels uint8, both (K, J, I); affine (i, j, k) to LPS mm."""

    number: int
    voxels_kji: NDArray[np.float32]
    labels_kji: NDArray[np.uint8]
    affine_lps_mm: Affine


@dataclass(frozen=True)
class GridCase:
    """A case on the model's grid: image float32 (1, *spatial), target uint8 (*spatial)."""

    number: int
    image: Tensor
    target: Tensor


def read_cases(recipe: Recipe, part: Part, folder: Path | None) -> Iterator[Case]:
    """Every case of one part of the split, by rising number.

    Parameters
    ----------
    folder : holds ``images`` and ``labels``; needed for NIfTI data alone.

    Raises
    ------
    ConfigError
        No folder given, no case found in it, or a file that doesn't fit, named with the mend.
    """
    split = recipe.data.split
    first, last = {"train": split.train, "validate": split.validate_, "test": split.test}[part]
    if isinstance(recipe.data, PhantomData):
        return _phantoms(recipe.data, first, last)
    if folder is None:
        raise ConfigError("--data: the recipe reads NIfTI files; name the folder that holds images/ and labels/", code="no-data")
    return _nifti_cases(recipe.data, recipe.classes, folder, first, last)


def grid_case(case: Case, recipe: Recipe) -> GridCase:
    """Bring a case to the model's grid exactly as the node does."""
    manifest = recipe.manifest()
    image = prepare(case.voxels_kji, case.affine_lps_mm, manifest).image
    target = prepare_labels(case.labels_kji, case.affine_lps_mm, manifest, recipe.classes)
    return GridCase(case.number, image, torch.from_numpy(target))


def _phantoms(data: PhantomData, first: int, last: int) -> Iterator[Case]:
    for number in range(first, last + 1):
        phantom = make_phantom(number, data.size_kji, data.spacing_mm_kji)
        yield Case(number, phantom.voxels_kji, phantom.labels_kji, phantom.affine_lps_mm)


def _nifti_cases(data: NiftiData, classes: int, folder: Path, first: int, last: int) -> Iterator[Case]:
    names = {number: data.files.format(case=number) for number in range(first, last + 1)}
    present = {number: name for number, name in names.items() if (folder / "images" / name).is_file()}
    if not present:
        raise ConfigError(f"{folder}: no file images/{data.files} from {first} to {last}; name the right folder", code="no-data")
    for number, name in present.items():
        yield _read_pair(number, folder / "images" / name, folder / "labels" / name, classes)


def _read_pair(number: int, image_path: Path, label_path: Path, classes: int) -> Case:
    voxels, affine = _read_nifti(image_path)
    labels, label_affine = _read_nifti(label_path)
    if voxels.shape != labels.shape or not np.allclose(affine, label_affine, atol=1e-3):
        raise ConfigError(f"{label_path}: its grid is not that of {image_path}; correct or remove the pair", code="data-invalid")
    if not np.isfinite(voxels).all() or not np.isin(labels, np.arange(classes)).all():
        raise ConfigError(f"{label_path}: values beyond the recipe's labels, or an image not finite", code="data-invalid")
    return Case(number, voxels.astype(np.float32), labels.astype(np.uint8), affine)


def _read_nifti(path: Path) -> tuple[NDArray[np.float64], Affine]:
    """Values (K, J, I) and the affine in LPS."""
    try:
        image = nibabel.nifti1.load(path)
        values = np.asarray(image.dataobj, dtype=np.float64)
    except (OSError, EOFError, nibabel.filebasedimages.ImageFileError) as error:
        raise ConfigError(f"{path}: no readable NIfTI file; fetch it again", code="data-invalid") from error
    if values.ndim != 3 or image.affine is None:
        raise ConfigError(f"{path}: not a three-dimensional volume with an affine; remove it", code="data-invalid")
    return values.transpose(2, 1, 0), _RAS_TO_LPS @ np.asarray(image.affine, dtype=np.float64)

"""Pairs of NIfTI files as cases. NIfTI's RAS frame becomes DICOM's LPS here and nowhere else."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import nibabel
import numpy as np
from numpy.typing import NDArray

from inference.pipeline.orient import Affine
from storage.base.errors import ConfigError
from training.data.case import Case
from training.data.names import group_of, number_of, stem_of
from training.recipe.data import NiftiData

_RAS_TO_LPS = np.diag([-1.0, -1.0, 1.0, 1.0])


def nifti_cases(data: NiftiData, classes: int, folder: Path, first: int, last: int) -> Iterator[Case]:
    """The pairs whose number lies from ``first`` to ``last``, by rising number.

    Raises
    ------
    ConfigError
        Codes ``no-data``, ``data-invalid``.
    """
    found = sorted((number_of(path.name), path) for path in folder.glob(data.images))
    chosen = [path for number, path in found if first <= number <= last]
    if not chosen:
        raise ConfigError(f"{folder}: no file {data.images} from {first} to {last}; name the right folder", code="no-data")
    for path in chosen:
        yield _read_pair(path, folder / data.labels.format(name=path.name, stem=stem_of(path.name)), classes, data)


def _read_pair(image_path: Path, label_path: Path, classes: int, data: NiftiData) -> Case:
    voxels, affine = read_nifti(image_path)
    labels, label_affine = read_nifti(label_path)
    if voxels.shape != labels.shape or not np.allclose(affine, label_affine, atol=1e-3):
        raise ConfigError(f"{label_path}: its grid is not that of {image_path}; correct or remove the pair", code="data-invalid")
    if not np.isfinite(voxels).all() or not np.isin(labels, np.arange(classes)).all():
        raise ConfigError(f"{label_path}: values beyond the recipe's labels, or an image not finite", code="data-invalid")
    name = stem_of(image_path.name)
    return Case(name, group_of(name, data.group), voxels.astype(np.float32)[None], affine, labels.astype(np.uint8))


def read_nifti(path: Path) -> tuple[NDArray[np.float64], Affine]:
    """Values (K, J, I) and the affine in LPS."""
    try:
        image = nibabel.nifti1.load(path)
        values = np.asarray(image.dataobj, dtype=np.float64)
    except (OSError, EOFError, nibabel.filebasedimages.ImageFileError) as error:
        raise ConfigError(f"{path}: no readable NIfTI file; fetch it again", code="data-invalid") from error
    if values.ndim != 3 or image.affine is None:
        raise ConfigError(f"{path}: not a three-dimensional volume with an affine; remove it", code="data-invalid")
    return values.transpose(2, 1, 0), _RAS_TO_LPS @ np.asarray(image.affine, dtype=np.float64)

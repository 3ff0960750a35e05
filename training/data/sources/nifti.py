"""Pairs of NIfTI files as cases. NIfTI's RAS frame becomes DICOM's LPS here and nowhere else."""

from __future__ import annotations

import gzip
import zlib
from functools import partial
from pathlib import Path
from typing import Any

import nibabel
import numpy as np
from numpy.typing import NDArray

from inference.pipeline.orient import Affine
from storage.base.errors import ConfigError
from training.data.entry import Content, Entry
from training.data.names import group_of, name_of
from training.data.sources.files import fill, find, inside, need
from training.recipe.data import NiftiData

_RAS_TO_LPS = np.diag([-1.0, -1.0, 1.0, 1.0])
_SAME_GRID_MM = 1e-3
_LEAST_VOLUME_MM3 = 1e-12
_NIFTI_ERRORS = (
    OSError, EOFError, ValueError, zlib.error, nibabel.filebasedimages.ImageFileError, nibabel.spatialimages.HeaderDataError,
)  # fmt: skip


def nifti_entries(data: NiftiData, classes: int, folder: Path) -> list[Entry]:
    """Every image that the recipe's pattern finds, with its mask where the recipe names one.

    Raises
    ------
    ConfigError
        Codes ``no-data``, ``data-missing``, ``data-invalid``.
    """
    entries = []
    for path in find(folder, data.images, "data.images"):
        labels = folder / fill(inside(data.labels, "data.labels"), path, folder)
        name = name_of(path, folder, data.images)
        load = partial(read_pair, path, need(labels, f"the mask of {path.name}"), classes)
        entries.append(Entry(name, group_of(name, data.group), load))
    return entries


def read_pair(image_path: Path, label_path: Path, classes: int) -> Content:
    """An image and its mask, which must lie on one grid and hold values below ``classes`` alone."""
    voxels, affine = read_nifti(image_path)
    labels, label_affine = read_nifti(label_path)
    if voxels.shape != labels.shape or not np.allclose(affine, label_affine, atol=_SAME_GRID_MM):
        raise ConfigError(f"{label_path}: its grid is not that of {image_path}; correct or remove the pair", code="size-mismatch")
    return Content(voxels.astype(np.float32)[None], affine, checked_labels(labels, classes, label_path))


def checked_labels(labels: NDArray[Any], classes: int, path: Path) -> NDArray[np.uint8]:
    """``labels`` as uint8, when each is a whole number below ``classes``."""
    inside = np.isfinite(labels) & (labels >= 0) & (labels < classes) & (labels == np.floor(labels))
    if not inside.all():
        odd = labels[~inside].ravel()[0]
        raise ConfigError(
            f"{path}: holds the value {odd:g}, beyond the recipe's labels (0 to {classes - 1}); add the label or correct "
            "the mask",
            code="labels-out-of-range",
        )
    return labels.astype(np.uint8)


def read_nifti(path: Path) -> tuple[NDArray[Any], Affine]:
    """Values (K, J, I), of any number type, and the affine in LPS. The check sum of a .gz counts, which nibabel leaves out."""
    try:
        stored = path.read_bytes()
        whole = gzip.decompress(stored) if path.name.endswith(".gz") else stored
        image = nibabel.nifti1.Nifti1Image.from_bytes(whole)
        values = np.asarray(image.dataobj)  # as stored where there is no scaling, so that a large CT isn't held as float64
    except _NIFTI_ERRORS as error:
        raise ConfigError(f"{path}: no readable NIfTI file; fetch it again", code="data-undecodable") from error
    values = values.reshape(values.shape[:3]) if values.ndim > 3 and values.size == np.prod(values.shape[:3]) else values
    affine = np.asarray(image.affine, dtype=np.float64)
    if (
        values.dtype.kind not in "buif"
        or values.ndim != 3
        or not values.size
        or not np.isfinite(affine).all()
        or abs(np.linalg.det(affine)) < _LEAST_VOLUME_MM3
    ):
        raise ConfigError(f"{path}: not a volume of three dimensions with a valid affine; remove it", code="data-invalid")
    return values.transpose(2, 1, 0), _RAS_TO_LPS @ affine

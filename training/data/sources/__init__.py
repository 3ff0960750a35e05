"""Every kind of source as a list of entries: cases whose names, groups and traits are known, and whose voxels can be read."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

from storage.base.errors import ConfigError
from training.data.entry import Entry
from training.data.sources.arrays import array_entries
from training.data.sources.dicom import dicom_entries
from training.data.sources.images import image_entries
from training.data.sources.listed import listed_entries
from training.data.sources.nifti import nifti_entries
from training.data.sources.nnunet import nnunet_entries
from training.data.sources.phantoms import phantom_entries, picture_entries, series_phantom_entries
from training.data.sources.series import series_entries
from training.recipe import Recipe
from training.recipe.data import (
    ArrayData,
    DicomData,
    ImageData,
    NiftiData,
    NnunetData,
    PhantomData,
    PictureData,
    SeriesData,
    SeriesPhantomData,
    TableData,
)

__all__ = ["list_entries"]


def list_entries(recipe: Recipe, folder: Path | None) -> list[Entry]:
    """All cases of a recipe's source, in the order of their names.

    Parameters
    ----------
    folder : holds the data; needed for everything but phantoms.

    Raises
    ------
    ConfigError
        No folder, nothing in it, or a file or value that doesn't fit, named with the mend.
    """
    if isinstance(recipe.data, PhantomData):
        return phantom_entries(recipe.data)
    if isinstance(recipe.data, PictureData):
        return picture_entries(recipe.data, recipe.image_classes)
    if isinstance(recipe.data, SeriesPhantomData):
        return series_phantom_entries(recipe.data, recipe.provisional_manifest())
    if folder is None or not folder.is_dir():
        named = "the recipe reads files" if folder is None else f"{folder} is no folder"
        raise ConfigError(f"--data: {named}; name the folder that holds them", code="no-data")
    entries = sorted(_of_folder(recipe, folder), key=lambda entry: entry.name)
    name, count = Counter(entry.name for entry in entries).most_common(1)[0]
    if count > 1:
        raise ConfigError(f"{name}: {count} cases have this name; give each file its own", code="data-invalid")
    return entries


def _of_folder(recipe: Recipe, folder: Path) -> list[Entry]:
    data, classes = recipe.data, recipe.classes
    if isinstance(data, NiftiData):
        return nifti_entries(data, classes, folder)
    if isinstance(data, SeriesData):
        return series_entries(data, recipe.provisional_manifest(), classes, folder)
    if isinstance(data, ImageData):
        return image_entries(data, classes, recipe.image_classes, folder)
    if isinstance(data, TableData):
        return listed_entries(data, classes, recipe.image_classes, folder)
    if isinstance(data, ArrayData):
        return array_entries(data, classes, folder)
    if isinstance(data, NnunetData):
        return nnunet_entries(data, classes, folder)
    assert isinstance(data, DicomData)  # phantoms have gone another way
    return dicom_entries(data, classes, folder, recipe.dims)

"""An .npz file in MedMNIST's layout as cases: arrays of images and labels by part. Nothing in it is unpickled."""

from __future__ import annotations

import zipfile
import zlib
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from storage.base.errors import ConfigError
from training.data.entry import Content, Entry
from training.data.names import group_of
from training.data.sources.files import inside, need
from training.recipe import PartName
from training.recipe.data import ArrayData

_PARTS: dict[str, PartName] = {"train": "train", "val": "validate", "test": "test"}


def array_entries(data: ArrayData, classes: int, folder: Path) -> list[Entry]:
    """Every image of the parts that are there; a case is named by its part and place, such as ``val_0017``.

    Raises
    ------
    ConfigError
        Codes ``data-missing``, ``data-undecodable``, ``data-invalid``, ``labels-out-of-range``.
    """
    path = need(folder / inside(data.file, "data.file"), "the recipe's data.file")
    arrays = _read(path)
    if not arrays:
        raise ConfigError(f"{path}: has none of the arrays train_images, val_images, test_images", code="data-invalid")
    return [
        _entry(data, classes, path, part, place, image, label)
        for part, (images, labels) in arrays.items()
        for place, (image, label) in enumerate(zip(images, labels, strict=True))
    ]


def _entry(data: ArrayData, classes: int, path: Path, part: str, place: int, image: NDArray[Any], label: int) -> Entry:
    name = f"{part}_{place:04d}"
    index = data.classes.get(str(label), -1) if data.classes else int(label)
    if not 0 <= index < classes:
        raise ConfigError(
            f"{path}: {name} is of class {label}, beyond the recipe's labels (0 to {classes - 1}); add it to package.labels or "
            "map it by data.classes",
            code="labels-out-of-range",
        )
    load = partial(_content, image)
    return Entry(name, group_of(name, data.group), load, _PARTS[part], index, {}, {"class": str(label)})


def _content(image: NDArray[Any]) -> Content:
    channels = image[None] if image.ndim == 2 else np.moveaxis(image, -1, 0)
    return Content(channels[:, None].astype(np.float32), np.eye(4))


def _read(path: Path) -> dict[str, tuple[NDArray[Any], NDArray[np.int64]]]:
    """By part: images (N, J, I) or (N, J, I, C), labels (N,)."""
    try:
        with path.open("rb") as stream, np.load(stream, allow_pickle=False) as file:
            arrays = {name: file[name] for part in _PARTS for name in (f"{part}_images", f"{part}_labels") if name in file}
    except (OSError, ValueError, EOFError, zlib.error, zipfile.BadZipFile) as error:
        raise ConfigError(f"{path}: no readable .npz file; fetch it again", code="data-undecodable") from error
    found = {}
    for part in _PARTS:
        images, labels = arrays.get(f"{part}_images"), arrays.get(f"{part}_labels")
        if images is None:
            continue
        if labels is None or labels.size != len(images) or not _numeric(images, labels) or not images.size:
            raise ConfigError(
                f"{path}: {part}_images must be (N, J, I) or (N, J, I, C) and {part}_labels hold one number for each of them",
                code="data-invalid",
            )
        found[part] = (images, labels.reshape(-1).astype(np.int64))
    return found


def _numeric(images: NDArray[Any], labels: NDArray[Any]) -> bool:
    """Whether images are of grey or colour numbers and labels whole numbers."""
    fits = images.ndim == 3 or (images.ndim == 4 and images.shape[-1] in (1, 3))
    return fits and images.dtype.kind in "buif" and labels.dtype.kind in "bui"

"""Image files and their masks as voxels: PNG and what else Pillow reads, one slice each."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray
from PIL import Image, UnidentifiedImageError
from scipy import ndimage

from inference.volume.colour import luma
from storage.base.errors import ConfigError
from training.data.entry import Content
from training.data.objects import from_masks, from_parts, labels_of
from training.data.sources.dicom.single import read_dicom_picture
from training.data.sources.nifti import checked_labels

Objects = Literal["", "files", "parts"]

_NOMINAL_MM = 1.0
_GREY_MODES = ("L", "I;16", "I;16L", "I;16B", "I", "F")
_PICTURE_ERRORS = (OSError, SyntaxError, ValueError, EOFError, UnidentifiedImageError, Image.DecompressionBombError)


@dataclass(frozen=True)
class Picture:
    """Where an image is, its masks (None: it has none) and how both are read.

    ``spacing_mm``: between rows, between columns; None takes what a DICOM file says, else a nominal millimetre.
    ``objects``: what a single object is: a mask file, a connected part of the masks; empty: that isn't told. ``label``: of all
    objects and masks; None takes the masks' own.
    """

    image: Path
    masks: Sequence[Path] | None
    spacing_mm: tuple[float, float] | None
    colour: str
    mask: str
    classes: int
    objects: Objects = ""
    label: int | None = None

    def load(self) -> Content:
        """Image and mask, which must have one size.

        Raises
        ------
        ConfigError
            Codes ``data-undecodable``, ``size-mismatch``, ``labels-out-of-range``.
        """
        told = None
        if self.image.suffix.lower() == ".dcm":
            pixels, told = read_dicom_picture(self.image)
        else:
            pixels = read_picture(self.image, self.colour)
        masks = None if self.masks is None else self._masks(pixels.shape[1:])
        between_rows, between_columns = self.spacing_mm or told or (_NOMINAL_MM, _NOMINAL_MM)
        affine = np.diag([between_columns, between_rows, 1.0, 1.0])
        if masks is None:
            return Content(pixels[:, None], affine)
        if self.objects == "files":
            instances = from_masks([mask > 0 for mask in masks], pixels.shape[1:])
            each = (self.label or 1,) * int(instances.max(initial=0))
            return Content(pixels[:, None], affine, labels_of(instances, each)[None], {}, instances[None], each)
        labels = np.maximum.reduce([*masks, np.zeros(pixels.shape[1:], np.uint8)])
        if not self.objects:
            return Content(pixels[:, None], affine, labels[None])
        parts, each = from_parts(labels)
        return Content(pixels[:, None], affine, labels[None], {}, parts[None], each)

    def _masks(self, size: tuple[int, ...]) -> list[NDArray[np.uint8]]:
        masks = []
        for path in self.masks or ():
            mask = self._mask(path)
            if mask.any() and self.label == 0:
                raise ConfigError(
                    f"{path}: marks something on an image whose class is none of the labels; correct one of them",
                    code="instances-out-of-range",
                )
            if mask.shape != size:
                raise ConfigError(
                    f"{path}: {mask.shape[1]} x {mask.shape[0]} pixels, but {self.image.name} has {size[1]} x {size[0]}; "
                    "correct or remove the pair",
                    code="size-mismatch",
                )
            masks.append(mask if self.label is None else np.where(mask > 0, np.uint8(self.label), np.uint8(0)))
        return masks

    def _mask(self, path: Path) -> NDArray[np.uint8]:
        if self.mask == "values":
            return checked_labels(read_picture(path, "values")[0], self.classes, path)
        values = read_picture(path, "grey")[0]
        inside = values > float(values.max()) / 2  # 1-bit, 0 and 255, or with smoothed edges alike
        if self.mask == "outline":
            inside = ndimage.binary_fill_holes(inside)
        return np.asarray(inside, dtype=np.uint8)


def read_picture(path: Path, colour: str) -> NDArray[np.float32]:
    """Pixels float32 (C, J, I).

    Parameters
    ----------
    colour : ``grey`` (luma of ITU-R BT.601 for colour files), ``rgb``, or ``values``: as stored, palette indices too.

    Raises
    ------
    ConfigError
        Code ``data-undecodable``, naming the file.
    """
    try:
        with warnings.catch_warnings(), Image.open(path) as image:
            warnings.simplefilter("error", Image.DecompressionBombWarning)
            pixels = _pixels(image, colour)
    except FileNotFoundError as error:
        raise ConfigError(f"{path}: is missing; add the file or take its case out", code="data-missing") from error
    except (*_PICTURE_ERRORS, Image.DecompressionBombWarning) as error:
        raise ConfigError(f"{path}: no readable image; fetch it again or remove it", code="data-undecodable") from error
    return np.ascontiguousarray(np.moveaxis(pixels, -1, 0) if pixels.ndim == 3 else pixels[None], dtype=np.float32)


def _pixels(image: Image.Image, colour: str) -> NDArray[Any]:
    if colour == "rgb":
        return np.asarray(image.convert("RGB"))
    if image.mode in _GREY_MODES or (colour == "values" and image.mode == "P"):
        return np.asarray(image)
    if image.mode in ("1", "LA"):
        return np.asarray(image.convert("L"))
    return luma(np.asarray(image.convert("RGB")))  # the node's own, so that training and serving see the same grey

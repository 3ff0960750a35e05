"""Detectors that need no network: the same box for every image, and the largest dark blob. Both give one box an image.

Boxes are lower then upper corner, (j, i) for images and (k, j, i) for volumes, half-open, in pixels; scores 0 to 1.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from storage.base.errors import ConfigError
from training.evaluate.figures.sizes import Mask

Array = NDArray[np.float64]

DARKEST = 15.0
_SMOOTH_SHARE = 0.02
_MARGIN_SHARE = 0.1


@dataclass(frozen=True, eq=False)
class ConstantBox:
    """The mean box of the training part, in shares of the image's size (2 d,); ``score`` is the share of images that hold one."""

    shares: Array
    score: float
    name: str = "the mean box of the training part, in every image"

    def detect(self, shape: Sequence[int]) -> tuple[Array, Array]:
        """Box (1, 2 d) and score (1,) of an image of this shape."""
        return (self.shares * np.tile(shape, 2))[None], np.array([self.score])


def fit_constant_box(shapes: Sequence[Sequence[int]], boxes: Sequence[Array]) -> ConstantBox:
    """The mean of all true boxes.

    Parameters
    ----------
    shapes : ([K,] J, I) of each training image. boxes : its true boxes (M, 2 d), maybe none.

    Raises
    ------
    ConfigError
        Code ``no-data``: no training image holds a box.
    """
    rows = [given / np.tile(shape, 2) for shape, given in zip(shapes, boxes, strict=True) if len(given)]
    if not rows:
        raise ConfigError("the training part holds no boxes; check data.split and --data", code="no-data")
    return ConstantBox(np.concatenate(rows).mean(axis=0), len(rows) / len(shapes))


def dark_blob(image: NDArray[np.float32], percentile: float = DARKEST) -> tuple[Array, Array]:
    """The largest blob of the darkest pixels, away from the edges: lesions of the breast are darker than what is around them.

    The image is smoothed by 2 % of its mean side. A tenth of every side doesn't count, as the black rim would win, nor does
    what touches it.

    Parameters
    ----------
    image : ([K,] J, I), one channel.
    percentile : how much of the image counts as dark.

    Returns
    -------
    Boxes (N, 2 d) and scores (N,), N at most 1: the score is how much darker the blob is than the image's mean, as a share of
    the whole range. None where nothing dark lies inside.
    """
    dims = image.ndim
    smooth = ndimage.gaussian_filter(image.astype(np.float64), _SMOOTH_SHARE * float(np.mean(image.shape)))
    inner = np.zeros(image.shape, dtype=bool)
    inner[tuple(slice(int(_MARGIN_SHARE * size), size - int(_MARGIN_SHARE * size)) for size in image.shape)] = True
    dark = smooth <= np.percentile(smooth[inner], percentile)
    blob = largest_inside(dark, inner)
    if blob is None:
        return np.zeros((0, 2 * dims)), np.zeros(0)
    span = float(smooth.max() - smooth.min())
    score = float(smooth[inner].mean() - smooth[blob].mean()) / span if span > 0 else 0.0
    return box_of(blob)[None], np.array([np.clip(score, 0.0, 1.0)])


def box_of(mask: Mask) -> Array:
    """The smallest half-open box (2 d,) around a mask that isn't empty."""
    where = ndimage.find_objects(mask.astype(np.uint8))[0]
    return np.array([*(part.start for part in where), *(part.stop for part in where)], dtype=np.float64)


def boxes_of(labels: NDArray[np.integer], value: int | None = None) -> Array:
    """The boxes (N, 2 d) of the components of a label map (touching by faces alone), of one label value or of all together."""
    parts, count = ndimage.label(labels > 0 if value is None else labels == value)
    found = [box_of(parts == number) for number in range(1, count + 1)]
    return np.array(found, dtype=np.float64).reshape(-1, 2 * labels.ndim)


def largest_inside(mask: Mask, inner: Mask) -> Mask | None:
    """The largest component of ``mask`` that has no pixel outside ``inner``; None where there is none."""
    parts, count = ndimage.label(mask)
    sizes = np.bincount(parts.ravel(), minlength=count + 1)
    sizes[0] = 0
    sizes[np.unique(parts[~inner])] = 0
    return np.asarray(parts == sizes.argmax(), dtype=bool) if sizes.any() else None

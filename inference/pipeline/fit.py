"""Which part of the oriented source the model's image shows, at which size, and where in the image it lies.

Three steps, each a whole number of voxels, so that each can be undone exactly: a box is cut out of the source, resampled
(``inference.pipeline.resample``), and placed in the image about its centre: with zeros around it, or cut where it is larger.
Most models take one step of these alone: a volume is resampled to the model's spacing and is the image.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from types import EllipsisType
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor

from inference.manifest import Manifest
from inference.pipeline.resample import model_size, resample
from inference.volume.crop import Size, centred_crop, scaled_size


@dataclass(frozen=True)
class Fit:
    """The way from source to image; every axis tuple is (k, j, i) or (j, i).

    Attributes
    ----------
    source : size of the oriented source.
    start, taken : first voxel and size of the box that is cut out of it.
    size : the box resampled.
    before : voxels of the image before the first of the resampled box; negative where that is cut.
    image : size of the image.
    """

    source: Size
    start: Size
    taken: Size
    size: Size
    before: Size
    image: Size

    @classmethod
    def whole(cls, source: Sequence[int], size: Sequence[int]) -> Fit:
        """All of the source, resampled to ``size``, is the image."""
        nothing = (0,) * len(source)
        return cls(tuple(source), nothing, tuple(source), tuple(size), nothing, tuple(size))

    def bring(self, source: Tensor) -> Tensor:
        """Cut and resample float (C, *source) to (C, *size)."""
        return resample(source[self._box], self.size)

    def place(self, part: Tensor) -> Tensor:
        """(C, *size) with zeros around it, or cut, to (C, *image)."""
        return _pad(part, self.before, self.image)

    def lift(self, image: Tensor) -> Tensor:
        """The inverse of ``place``: (C, *image) to (C, *size); what was cut away comes back as zeros."""
        return _pad(image, [-count for count in self.before], self.size)

    def on_source(self, box: NDArray[Any]) -> NDArray[Any]:
        """The box (…, *taken) in an array (…, *source) that is zero elsewhere."""
        if self.taken == self.source:
            return box
        whole = np.zeros((*box.shape[: -len(self.source)], *self.source), dtype=box.dtype)
        whole[self._box] = box
        return whole

    @property
    def _box(self) -> tuple[EllipsisType | slice, ...]:
        return (..., *(slice(start, start + count) for start, count in zip(self.start, self.taken, strict=True)))


def fit_of(source: Sequence[int], spacing_mm: Sequence[float], manifest: Manifest) -> Fit:
    """The fit of an oriented source of this size and spacing, both (k, j, i) or (j, i), as the manifest asks for.

    Crop and pad go by the numbers of rows and columns, not by millimetres: an image may state none.
    """
    grid, patch = manifest.grid, tuple(manifest.grid.patch)
    if grid.fit == "spacing":
        whole = Fit.whole(source, model_size(source, spacing_mm, grid.spacing_mm))
        # A classifier sees one window; the others see as many as it takes.
        return _centred(whole, patch) if manifest.task == "classification" else whole
    if grid.fit == "stretch":
        return Fit.whole(source, patch)
    if grid.fit == "crop":
        start, taken = centred_crop(source, patch)
        return Fit(tuple(source), start, taken, patch, (0,) * len(patch), patch)
    return _centred(Fit.whole(source, scaled_size(source, min(p / n for n, p in zip(source, patch, strict=True)), patch)), patch)


def _centred(whole: Fit, image: Size) -> Fit:
    before = tuple((m - n) // 2 for n, m in zip(whole.size, image, strict=True))
    return Fit(whole.source, whole.start, whole.taken, whole.size, before, image)


def _pad(part: Tensor, before: Sequence[int], size: Size) -> Tensor:
    """(C, *old) to (C, *size) with ``before`` zeros first along each axis, negative to cut."""
    if tuple(part.shape[1:]) == size:
        return part
    widths = [(b, new - old - b) for b, old, new in zip(before, part.shape[1:], size, strict=True)]
    return F.pad(part, [width for pair in reversed(widths) for width in pair])


def resampled_labels(labels: Tensor, classes: int, fit: Fit, dtype: torch.dtype = torch.uint8) -> Tensor:
    """Per voxel of the image the class that covers most of it: integers (*source) to ``dtype`` (*image); ties to the lower."""
    best = torch.zeros(fit.size)
    winner = torch.zeros(fit.size, dtype=dtype)
    for value in range(classes):
        share = fit.bring((labels == value).float()[None])[0]
        winner[share > best] = value
        best = torch.maximum(best, share)
    return fit.place(winner[None])[0]

"""From a volume to the network's input: orient, cut, resample once, scale intensities, pad. Training runs this same code.

Two-dimensional models skip the orientation: a single image keeps its rows and columns.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from math import isfinite, prod

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from inference.manifest import Intensity, Manifest
from inference.pipeline.fit import Fit, fit_of, resampled_labels
from inference.pipeline.orient import IDENTITY_2D, Affine, Orientation, orientation_of, spacing_of
from storage.base.errors import InputError

MOST_VOXELS = 2**30
"""Voxels of the model's grid: 4 GiB as float32. Those of the source have their own bound (``inference.volume.pixels``)."""


@dataclass(frozen=True)
class Prepared:
    """The network's input, and how it came to the model's grid from the source (the reference where there are several inputs).

    Attributes
    ----------
    image : float32 (M, k, j, i) or (M, j, i), one channel an input, in the manifest's order; zeros for one that is missing.
    present : bool (M,): which inputs there are.
    covered : of each input the share of the model's grid that it shows; 1 for the reference, 0 for a missing one.
    """

    image: Tensor
    orientation: Orientation
    fit: Fit
    present: Tensor = field(default_factory=lambda: torch.ones(1, dtype=torch.bool))
    covered: tuple[float, ...] = (1.0,)


def dims_of(manifest: Manifest) -> int:
    """Spatial dimensions of the model, 2 or 3."""
    return len(manifest.grid.patch)


def orient(voxels_kji: NDArray[np.generic], affine_lps_mm: Affine, dims: int) -> Orientation:
    """The orientation to use for a source array (K, J, I); the identity for ``dims`` 2, where K must be 1."""
    if dims == 3:
        return orientation_of(affine_lps_mm)
    if voxels_kji.shape[0] != 1:
        raise InputError(
            "the model takes one single image, the series holds more; route single images to it", code="not-an-image"
        )
    return IDENTITY_2D


def prepare(voxels_kji: NDArray[np.float32], affine_lps_mm: Affine, manifest: Manifest) -> Prepared:
    """Bring a volume to the model's grid and intensities: the only input of its model, or the reference by itself.

    Parameters
    ----------
    voxels_kji : (K, J, I) in the volume's own units (HU for CT); K is 1 for a 2-D model.
    affine_lps_mm : (4, 4), index (i, j, k, 1) to LPS millimetres.

    Raises
    ------
    InputError
        Code ``not-an-image``: a 2-D model was given several images. ``too-large``: the model's grid would hold more than
        ``MOST_VOXELS``. ``not-finite``: a voxel is no number. ``flat-image``: a z-score needs contrast and there is none.
    """
    dims = dims_of(manifest)
    orientation = orient(voxels_kji, affine_lps_mm, dims)
    fit = fit_of(orientation.apply(voxels_kji).shape[-dims:], spacing_of(affine_lps_mm, orientation)[-dims:], manifest)
    _check_size(fit.size)
    image = scale(bring(voxels_kji, orientation, fit), manifest.intensity_of(manifest.reference_input))
    return Prepared(image=fit.place(image), orientation=orientation, fit=fit)


def bring(voxels_kji: NDArray[np.float32], orientation: Orientation, fit: Fit) -> Tensor:
    """Turn, cut and resample: (K, J, I) to float32 (1, *fit.size), in the volume's own units.

    Raises
    ------
    InputError
        Code ``not-finite``: a voxel is no number.
    """
    volume = torch.from_numpy(np.ascontiguousarray(orientation.apply(voxels_kji), dtype=np.float32))
    image = fit.bring(volume[None] if len(fit.source) == 3 else volume)
    if not bool(torch.isfinite(image).all()):
        raise InputError("the image holds values that are no numbers; correct or remove it", code="not-finite")
    return image


def _check_size(size: Sequence[int]) -> None:
    """Refuse before memory is asked for."""
    if prod(size) > MOST_VOXELS:
        raise InputError(
            f"the image covers {' × '.join(map(str, size))} voxels of the model's grid, more than {MOST_VOXELS}; "
            "correct its spacing, or send a smaller one",
            code="too-large",
        )


def scale(image: Tensor, intensity: Intensity) -> Tensor:
    """Apply the manifest's intensity rule to a resampled image; the input is left as it is."""
    if intensity.kind == "window":
        return (image.clamp(intensity.lower, intensity.upper) - intensity.lower) / (intensity.upper - intensity.lower)
    lower, upper = np.percentile(image.numpy(), [intensity.lower, intensity.upper])
    clipped = image.clamp(float(lower), float(upper))
    deviation = float(clipped.std(correction=0))
    if not isfinite(deviation):
        raise InputError("the image's values are too large to be scaled; correct its rescale", code="not-finite")
    if deviation <= 1e-6 * max(abs(float(lower)), abs(float(upper)), 1e-30):
        raise InputError("the image has no contrast: all its values are the same", code="flat-image")
    return (clipped - clipped.mean()) / deviation


def prepare_labels(labels_kji: NDArray[np.generic], affine_lps_mm: Affine, manifest: Manifest, classes: int) -> NDArray[np.uint8]:
    """Bring a label map (K, J, I) to the model's grid for training: per voxel the class that covers most of it.

    Returns
    -------
    uint8 array on the same grid as ``prepare``'s image, without the channel axis.
    """
    covered: NDArray[np.uint8] = _covered(labels_kji, affine_lps_mm, manifest, classes, torch.uint8).numpy()
    return covered


def prepare_instances(
    instances_kji: NDArray[np.generic], affine_lps_mm: Affine, manifest: Manifest, count: int
) -> NDArray[np.int16]:
    """Bring a map (K, J, I) of ``count`` objects to the model's grid for training: per voxel the object that covers most of it.

    Returns
    -------
    int16 array on the same grid as ``prepare``'s image, without the channel axis; objects that cover most of no voxel are gone.
    """
    covered: NDArray[np.int16] = _covered(instances_kji, affine_lps_mm, manifest, count + 1, torch.int16).numpy()
    return covered


def _covered(
    values_kji: NDArray[np.generic], affine_lps_mm: Affine, manifest: Manifest, count: int, dtype: torch.dtype
) -> Tensor:
    dims = dims_of(manifest)
    orientation = orient(values_kji, affine_lps_mm, dims)
    turned = np.ascontiguousarray(orientation.apply(values_kji).astype(np.int32, copy=False))
    fit = fit_of(turned.shape[-dims:], spacing_of(affine_lps_mm, orientation)[-dims:], manifest)
    return resampled_labels(torch.from_numpy(turned if dims == 3 else turned[0]), count, fit, dtype)

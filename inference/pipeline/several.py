"""Several inputs of one model onto one grid: that of the reference. Training runs this same code.

The reference goes the way of a single input. Another one on the very grid of the reference goes the same way; any other is
aligned by its affine. Its intensities are scaled by what it shows of the model's grid alone; where it shows nothing, and where
an optional input is missing, the network is given zeros, as around an image that is smaller than the network's window.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Protocol

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from inference.manifest import Input, Intensity, Manifest
from inference.pipeline.align import align, grid_affine
from inference.pipeline.orient import Affine
from inference.pipeline.prepare import Prepared, bring, prepare, scale
from storage.base.errors import InputError

_SAME_GRID_MM = 1e-3
"""Affines nearer than this, entry by entry, are one grid: headers are rounded to less."""


class Placed(Protocol):
    """Voxels (K, J, I) in their own units, and their affine, index (i, j, k, 1) to LPS millimetres."""

    @property
    def voxels_kji(self) -> NDArray[np.float32]: ...

    @property
    def affine_lps_mm(self) -> Affine: ...


def prepare_inputs(given: Mapping[str, Placed], manifest: Manifest) -> Prepared:
    """Bring every input of a model to the model's grid of the reference.

    Parameters
    ----------
    given : volumes by input name, all in one frame of reference; an optional input may be missing.

    Raises
    ------
    InputError
        As ``prepare``, naming the input where there are several. ``input-missing``: one that isn't optional is not given.
        ``no-overlap``: one shows less of the reference's grid than ``minimum_overlap`` asks for, or nothing.
    """
    reference = _of(given, manifest.reference_input)
    assert reference is not None  # a reference is never optional
    with about_input(manifest, manifest.reference_input):
        first = prepare(reference.voxels_kji, reference.affine_lps_mm, manifest)
    if len(manifest.inputs) == 1:
        return first
    channels, covered = [], []
    for wanted in manifest.inputs:
        channel, share = (first.image, 1.0) if wanted is manifest.reference_input else _further(given, wanted, first, manifest)
        channels.append(channel)
        covered.append(share)
    present = torch.tensor([share > 0 for share in covered])
    return Prepared(torch.cat(channels), first.orientation, first.fit, present, tuple(covered))


@contextmanager
def about_input(manifest: Manifest, wanted: Input) -> Iterator[None]:
    """Refusals within name the input, where the model has several."""
    try:
        yield
    except InputError as error:
        if len(manifest.inputs) == 1:
            raise
        raise InputError(f"input {wanted.name}: {error.message}", code=error.reason_code, **error.facts) from error


def _of(given: Mapping[str, Placed], wanted: Input) -> Placed | None:
    if wanted.name not in given and not wanted.optional:
        raise InputError(f"the model's input {wanted.name!r} is missing; name a series for it in the rule", code="input-missing")
    return given.get(wanted.name)


def _further(given: Mapping[str, Placed], wanted: Input, first: Prepared, manifest: Manifest) -> tuple[Tensor, float]:
    """One channel (1, *image) and the share of the model's grid that it shows."""
    volume, reference = _of(given, wanted), given[manifest.reference_input.name]
    if volume is None:
        return torch.zeros_like(first.image), 0.0
    with about_input(manifest, wanted):
        image, inside = _onto(volume, reference, first)
        share = float(inside.mean())
        _check_overlap(share, wanted, manifest)
        return first.fit.place(_scaled(image, inside, manifest.intensity_of(wanted))), share


def _onto(volume: Placed, reference: Placed, first: Prepared) -> tuple[Tensor, NDArray[np.bool_]]:
    """The volume on the model's grid, not scaled: float32 (1, *size), and where it shows something (*size)."""
    orientation, fit = first.orientation, first.fit
    if volume.voxels_kji.shape == reference.voxels_kji.shape and np.allclose(
        volume.affine_lps_mm, reference.affine_lps_mm, rtol=0, atol=_SAME_GRID_MM
    ):
        return bring(volume.voxels_kji, orientation, fit), np.ones(fit.size, dtype=np.bool_)
    turned = orientation.turn(reference.affine_lps_mm, reference.voxels_kji.shape)
    values, inside = align(volume.voxels_kji, volume.affine_lps_mm, grid_affine(turned, fit.source, fit.size), fit.size)
    if not np.isfinite(values[inside]).all():
        raise InputError("the image holds values that are no numbers; correct or remove it", code="not-finite")
    return torch.from_numpy(values)[None], inside


def _check_overlap(share: float, wanted: Input, manifest: Manifest) -> None:
    if share > 0 and share >= wanted.minimum_overlap:
        return
    shows = "nothing" if share == 0 else f"{share:.1%}"
    raise InputError(
        f"the series shows {shows} of the grid of {manifest.reference_input.name}, the model needs "
        f"{max(wanted.minimum_overlap, 0.0):.1%} or more; choose a series of the same place in the patient",
        code="no-overlap",
    )


def _scaled(image: Tensor, inside: NDArray[np.bool_], intensity: Intensity) -> Tensor:
    """Scaled by the voxels inside alone; zeros elsewhere."""
    if inside.all():
        return scale(image, intensity)
    shown = torch.from_numpy(inside)[None]
    scaled = torch.zeros_like(image)
    scaled[shown] = scale(image[shown], intensity)
    return scaled

"""A case's series by name as the case that a package takes: its reference on the labels' grid, the others on their own."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from inference.manifest import Manifest
from inference.pipeline.align import align, shown
from storage.base.errors import ConfigError
from training.data.case import Series
from training.data.entry import Content


def named_content(
    name: str, found: Mapping[str, Series], labels_on: str, labels_kji: NDArray[np.uint8], manifest: Manifest
) -> Content:
    """What the package's inputs take of a case.

    Parameters
    ----------
    name : of the case.
    found : its series by name; ``labels_on`` is among them. Names that are no input are left out.
    labels_on : the series on whose grid ``labels_kji`` (K, J, I) lies.

    Raises
    ------
    ConfigError
        Codes ``input-missing`` (one that isn't optional), ``no-overlap`` (it shows less of that grid than the package's
        ``minimum_overlap``, or nothing), ``not-finite``; naming the case and the input.
    """
    for wanted in manifest.inputs:
        if wanted.name in found:
            _check(name, wanted.name, found[wanted.name], found[labels_on], wanted.minimum_overlap)
        elif not wanted.optional:
            raise ConfigError(
                f"{name}: has no {wanted.name}, which the package takes; make the input optional, or leave the case out of the "
                "split",
                code="input-missing",
            )
    reference = manifest.reference_input.name
    first = found[reference] if reference == labels_on else _on_grid(found[reference], found[labels_on])
    further = {wanted.name: found[wanted.name] for wanted in manifest.further_inputs if wanted.name in found}
    return Content(first.voxels_kji[None], first.affine_lps_mm, labels_kji, further=further)


def _check(name: str, what: str, series: Series, grid: Series, least: float) -> None:
    if not np.isfinite(series.voxels_kji).all():
        raise ConfigError(f"{name}: {what} holds values that aren't finite; correct or remove it", code="not-finite")
    inside = shown(series.affine_lps_mm, series.voxels_kji.shape, grid.affine_lps_mm, grid.voxels_kji.shape)
    share = float(inside.mean())
    if share == 0 or share < least:
        raise ConfigError(
            f"{name}: {what} shows {share:.1%} of the place that the labels cover, and the package needs {max(least, 0):.1%} or "
            "more; pair series of one place in one frame of reference",
            code="no-overlap",
        )


def _on_grid(series: Series, grid: Series) -> Series:
    """The series on another's grid; what it doesn't show is as dark as its darkest voxel."""
    values, inside = align(series.voxels_kji, series.affine_lps_mm, grid.affine_lps_mm, grid.voxels_kji.shape)
    return Series(np.where(inside, values, series.voxels_kji.min()), grid.affine_lps_mm)

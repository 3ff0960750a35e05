"""The lengths in millimetres that a manifest asks for, taken from the mask of a label in a single image.

A length that can't be told is None, and a note says why; a note also says what makes a length doubtful. Nothing is measured in
an image that states no pixel spacing.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from inference.manifest import Code, Label, Manifest
from inference.volume.crop import centred_crop
from inference.volume.ellipse import ellipse_of

DECIMALS = 3
_THIN = 1e-6  # of pixels in a slanting row rounding leaves a width of some 1e-8 of their length
UNCALIBRATED = "the image states no pixel spacing in the patient, so nothing was measured in it"
DEFINITIONS = {"ellipse_circumference": "circumference of the ellipse with the mask's second moments (Ramanujan)"}
"""What a kind of measure is, for people who read the report."""


@dataclass(frozen=True)
class Length:
    """One measure of the manifest in this image; ``mm`` is None where it can't be told."""

    name: str
    code: Code
    definition: str
    mm: float | None


def find_lengths(
    label: Label, manifest: Manifest, mask: NDArray[np.bool_], spacing_mm: tuple[float, float] | None
) -> tuple[tuple[Length, ...], tuple[str, ...]]:
    """The lengths that the manifest asks for of ``label``, and notes on them.

    Parameters
    ----------
    mask : bool (J, I), a pixel of it set.
    spacing_mm : between rows, between columns; None where the image states none.
    """
    lengths, notes = [], []
    for measure in (measure for measure in manifest.measures if measure.label == label.value):
        mm = None if spacing_mm is None else circumference(mask, spacing_mm)
        lengths.append(Length(measure.name, measure.code, DEFINITIONS[measure.kind], mm))
        if spacing_mm is not None and mm is None:
            notes.append(f"{measure.name}: the mask is too thin for an ellipse, so no length is given")
        elif mm is not None and touches_edge(mask):
            notes.append(f"{measure.name}: the mask touches the edge of the image, so the length may be too short")
        elif mm is not None and touches_edge(_seen(mask, manifest)):
            notes.append(f"{measure.name}: the mask touches the edge of what the model sees, so the length may be too short")
    return tuple(lengths), tuple(notes)


def circumference(mask: NDArray[np.bool_], spacing_mm: tuple[float, float]) -> float | None:
    """Millimetres around the ellipse of ``mask``, rounded as reported; None for pixels in a row, which have no inside."""
    ellipse = ellipse_of(mask, spacing_mm)
    return round(ellipse.circumference_mm, DECIMALS) if ellipse.semi_minor_mm > _THIN * ellipse.semi_major_mm else None


def _seen(mask: NDArray[np.bool_], manifest: Manifest) -> NDArray[np.bool_]:
    """The part of ``mask`` that the model saw; beyond it all is background."""
    if manifest.grid.fit != "crop":
        return mask
    (row, column), (rows, columns) = centred_crop(mask.shape, manifest.grid.patch)
    return mask[row : row + rows, column : column + columns]


def touches_edge(mask: NDArray[np.bool_]) -> bool:
    """Whether a pixel of ``mask`` lies in the first or last row or column."""
    return bool(mask[[0, -1]].any() or mask[:, [0, -1]].any())

"""Sizes and lengths anew, from a SEG as it is stored: its own pixels, counted, and its own Pixel Measures."""

from __future__ import annotations

import math

import numpy as np
from pydicom.dataset import Dataset

from inference.report.seg.reading import pixels_of_segment
from inference.report.statements.lengths import DECIMALS, circumference

_TOLERANCE = 1e-5  # a fraction: Decimal Strings and the rounding to DECIMALS


def agrees(stated: float, again: float | None) -> bool:
    """Whether a number of the report is what was measured anew; nothing agrees with what can't be measured."""
    close = again is not None and math.isclose(stated, again, rel_tol=_TOLERANCE, abs_tol=10**-DECIMALS)
    return math.isfinite(stated) and close


def recomputed_size(seg: Dataset, voxels: int) -> float | None:
    """mm3 of ``voxels`` where a stored SEG has a position, else mm2; None without a spacing."""
    area_mm2 = recomputed_area(seg, voxels)
    if area_mm2 is None or "FrameOfReferenceUID" not in seg:
        return area_mm2
    measures = seg.SharedFunctionalGroupsSequence[0].PixelMeasuresSequence[0]
    return area_mm2 * float(measures.SpacingBetweenSlices)


def recomputed_area(seg: Dataset, pixels: int) -> float | None:
    """mm2 of ``pixels`` of a stored SEG; None without a spacing."""
    spacing_mm = stored_spacing(seg)
    return None if spacing_mm is None else pixels * spacing_mm[0] * spacing_mm[1]


def recomputed_length(seg: Dataset, number: int) -> float | None:
    """The circumference in mm of the one frame of a segment, from the stored pixels and Pixel Measures."""
    spacing_mm, frames = stored_spacing(seg), pixels_of_segment(seg, number)
    return None if spacing_mm is None or len(frames) != 1 else circumference(np.asarray(frames[0] != 0), spacing_mm)


def stored_spacing(seg: Dataset) -> tuple[float, float] | None:
    """Millimetres between rows and between columns as a SEG states them; None where it states none."""
    for measures in seg.SharedFunctionalGroupsSequence[0].get("PixelMeasuresSequence") or ():
        if measures.get("PixelSpacing"):
            rows_mm, columns_mm = map(float, measures.PixelSpacing)
            return rows_mm, columns_mm
    return None

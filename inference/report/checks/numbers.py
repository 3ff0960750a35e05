"""Checks of a finding's numbers: its certainty against the model's score, the size of its mask against the stored SEG."""

from __future__ import annotations

from collections.abc import Mapping

from pydicom.dataset import Dataset

from inference.report.checks.recomputed import agrees, recomputed_area, recomputed_size
from inference.report.checks.sr import check_number, numbers_of
from inference.report.codes import table
from inference.report.expect import expect
from inference.report.statements.detections import Finding
from inference.report.statements.sizes import UNITS, Quantity
from inference.volume.boxes import SCORE_DECIMALS

_PERCENT_TOLERANCE = 0.5000001 * 10 ** (2 - SCORE_DECIMALS)


def check_numbers(group: Dataset, score: float, threshold: float, size: tuple[Quantity, float] | None) -> None:
    """The certainty, and after it the size where the group speaks of a mask that can be measured; no other number."""
    concepts = table().concepts
    certainty, *sizes = numbers_of(group, 1 if size is None else 2)
    value = check_number(certainty, concepts["certainty"], concepts["percent"])
    close = 0.0 <= value <= 100.0 and abs(value - 100 * score) <= _PERCENT_TOLERANCE
    expect(close, "values", "a certainty isn't the model's")
    expect(value >= 100 * threshold - 1e-9, "values", "a finding is below its threshold")
    if size is not None:
        quantity, again = size
        stated = check_number(sizes[0], concepts[quantity], concepts[UNITS[quantity]])
        expect(agrees(stated, again), "values", "a size isn't that of the stored segment")


def size_of_mask(finding: Finding, seg: Dataset, counts: Mapping[int, int]) -> tuple[Quantity, float] | None:
    """A finding's size anew: the volume of its stored segment, of one in an image the area; None without a pixel spacing."""
    voxels = counts.get(finding.segment_number, 0)
    quantity: Quantity = "area" if finding.corners_lps_mm is None else "volume"
    again = recomputed_area(seg, voxels) if quantity == "area" else recomputed_size(seg, voxels)
    return None if again is None else (quantity, again)

"""Values of one segmented case, on its own grid.

A label that neither truth nor prediction holds is rightly absent: it counts for no mean. One that the truth lacks and the
prediction holds is a false alarm, and one that the prediction lacks is missed: Dice 0, distances the grid's diagonal.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from inference.manifest import Manifest
from inference.manifest.parts import Measure
from inference.volume.ellipse import circumference_mm
from training.data.case import Case
from training.evaluate.facts import Facts, facts_of
from training.evaluate.figures.dice import dice
from training.evaluate.figures.sizes import Mask, mask_size, own_grid, size_error_percent
from training.evaluate.figures.surface import surface_distances

NAN = math.nan


@dataclass(frozen=True, eq=False)
class SegmentedCase:
    """Label name to metric to value, NaN where not defined; sizes of the truth by label.

    ``measures``: by name what was measured, what is true, and what the same way of measuring gives on the true mask.
    """

    facts: Facts
    labels: Mapping[str, Mapping[str, float]]
    measures: Mapping[str, tuple[float, float, float]]
    sizes: Mapping[str, float]
    seconds: float

    def document(self) -> dict[str, Any]:
        """For JSON: no person, no group, and no seconds, so that the same weights give the same document."""
        rows: dict[str, Any] = {label: _rounded(values) for label, values in self.labels.items()}
        for name, (measured, true, _) in self.measures.items():
            rows[name] = _rounded({"measured": measured, "true": true, "difference": measured - true})
        return rows


def measure_case(predicted_kji: NDArray[Any], case: Case, manifest: Manifest, tolerance: float, seconds: float) -> SegmentedCase:
    """All values of one case.

    Parameters
    ----------
    predicted_kji : label map on the case's own grid.
    tolerance : of surface Dice, in the case's unit of length (mm).
    """
    predicted, spacing = own_grid(predicted_kji, case.affine_lps_mm)
    truth, _ = own_grid(case.mask_kji, case.affine_lps_mm)
    labels = {label.name: _label(predicted, truth, label.value, spacing, tolerance) for label in manifest.labels}
    sizes = {label.name: mask_size(truth == label.value, spacing) for label in manifest.labels}
    measures = {}
    for measure in manifest.measures:
        ours, theirs = (_measured(mask == measure.label, spacing) for mask in (predicted, truth))
        measures[measure.name] = (ours, _stated(case, measure, theirs), theirs)
    return SegmentedCase(facts_of(case), labels, measures, sizes, seconds)


def _label(
    predicted: NDArray[Any], truth: NDArray[Any], value: int, spacing: tuple[float, ...], tolerance: float
) -> dict[str, float]:
    ours, theirs = predicted == value, truth == value
    if not theirs.any():
        return {"false_alarm": float(ours.any())}
    distances = surface_distances(ours, theirs, spacing)
    found, true = mask_size(ours, spacing), mask_size(theirs, spacing)
    return {
        "dice": dice(predicted, truth, value),
        "surface_dice": distances.dice(tolerance),
        "hd95": distances.hausdorff_mm(),
        "mean_surface_distance": distances.mean_mm(),
        "size_error": found - true,
        "size_error_percent": size_error_percent(found, true),
    }


def _measured(mask: Mask, spacing: tuple[float, ...]) -> float:
    """NaN where there is nothing to measure."""
    return circumference_mm(mask, (spacing[-2], spacing[-1])) if mask.any() else NAN


def _stated(case: Case, measure: Measure, on_mask: float) -> float:
    """What the data's makers measured, under the measure's name or its kind's; else what the true mask gives."""
    for key in (measure.name, f"{measure.kind.removeprefix('ellipse_')}_mm"):
        if key in case.truths:
            return float(case.truths[key])
    return on_mask


def column(cases: list[SegmentedCase], label: str, metric: str) -> NDArray[np.float64]:
    """One value per case, NaN where the case has none."""
    return np.array([case.labels[label].get(metric, NAN) for case in cases], dtype=np.float64)


def _rounded(values: Mapping[str, float]) -> dict[str, float | None]:
    return {key: None if math.isnan(value) else round(value, 4) for key, value in values.items()}

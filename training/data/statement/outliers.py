"""Cases that stand apart from the rest, by the modified z-score."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import log

import numpy as np
from numpy.typing import NDArray

from training.data.entry import Entry
from training.data.survey import Facts

LIMIT = 3.5
"""Iglewicz and Hoaglin, How to Detect and Handle Outliers (1993): above this a value is called an outlier."""

_MAD_TO_DEVIATION = 0.6745
_MEAN_TO_DEVIATION = 1.253314
_LEAST_CASES = 8
_LEAST_FACTOR = 1.1  # where nearly all cases are alike, a few per cent would score as much as a case from another world


@dataclass(frozen=True)
class Outlier:
    """A case, the quantity it stands apart by, its value and the usual one (the median) in that quantity's unit."""

    case: str
    what: str
    value: float
    usual: float
    z: float


def outliers(entries: Sequence[Entry], facts: Mapping[str, Facts], labels: Sequence[str]) -> list[Outlier]:
    """The farthest first. Scales, sizes and volumes are compared by their logarithm, for they differ by factors."""
    known = {entry.name: facts[entry.name] for entry in entries}
    extent = "area" if all(fact.size_kji[0] == 1 for fact in known.values()) else "volume"
    quantities: dict[str, dict[str, float]] = {
        "intensity scale": {name: fact.scale for name, fact in known.items()},
        "size in voxels": {name: float(np.prod(fact.size_kji)) for name, fact in known.items()},
        f"{extent} of a voxel": {name: fact.voxel_mm for name, fact in known.items()},
    }
    for value, label in enumerate(labels, 1):
        volumes = {
            name: fact.label_voxels[value] * fact.voxel_mm for name, fact in known.items() if fact.label_voxels is not None
        }
        quantities[f"{extent} of {label}"] = volumes
    for truth in sorted({truth for entry in entries for truth in entry.truths}):
        quantities[truth] = {entry.name: entry.truths[truth] for entry in entries if truth in entry.truths}
    found = [outlier for what, values in quantities.items() for outlier in _apart(what, values)]
    return sorted(found, key=lambda outlier: (-abs(outlier.z), outlier.what, outlier.case))


def _apart(what: str, values: Mapping[str, float]) -> list[Outlier]:
    positive = {name: value for name, value in values.items() if value > 0}
    if len(positive) < _LEAST_CASES:
        return []
    numbers = np.array(list(positive.values()))
    scores = modified_z(np.array([log(number) for number in numbers]))
    usual = float(np.median(numbers))
    return [
        Outlier(name, what, float(value), usual, round(float(score), 1))
        for (name, value), score in zip(positive.items(), scores, strict=True)
        if abs(score) > LIMIT and max(value / usual, usual / value) > _LEAST_FACTOR
    ]


def modified_z(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """0.6745 (x - median) / MAD; where more than half of the values are equal, by the mean deviation instead of the median one.

    Differences below a thousandth, of a logarithm a tenth of a per cent, are rounding.
    """
    away = values - np.median(values)
    away[np.abs(away) < 1e-3] = 0.0
    deviation = float(np.median(np.abs(away))) / _MAD_TO_DEVIATION
    if deviation == 0.0:
        deviation = float(np.mean(np.abs(away))) * _MEAN_TO_DEVIATION
    return away / deviation if deviation else away

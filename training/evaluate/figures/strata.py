"""Parts of the measured cases that are looked at by themselves: subgroups of a trait, bands of size."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from training.evaluate.figures.bootstrap import Indices

MOST_VALUES = 12
"""A trait of more values than this names cases rather than subgroups."""


def subgroups(traits: Sequence[Mapping[str, str]], wanted: Sequence[str] = ()) -> dict[str, dict[str, Indices]]:
    """Trait to value to the cases that have it; traits of one value, or of more than twelve, are left out.

    Parameters
    ----------
    wanted : the traits to look at; all where empty.
    """
    found: dict[str, dict[str, Indices]] = {}
    present = sorted({key for row in traits for key in row})
    for key in (key for key in present if not wanted or key in wanted):
        values = sorted({row[key] for row in traits if key in row})
        if 2 <= len(values) <= MOST_VALUES:
            found[key] = {value: np.flatnonzero([row.get(key) == value for row in traits]) for value in values}
    return found


def size_bands(sizes: NDArray[np.float64], bands: int, unit: str) -> dict[str, Indices]:
    """Bands of size, of about equally many cases, to the cases in them; cases of size 0 are in none, an empty band is left out.

    Parameters
    ----------
    sizes : (N,), of the truth.
    bands : at least 2; 3 cuts at the terciles.
    """
    known = sizes[sizes > 0]
    if known.size == 0:
        return {}
    borders = np.quantile(known, np.arange(1, bands) / bands).tolist()
    band = np.searchsorted(borders, sizes, side="right")
    called = np.array(_names(borders, unit))[band]  # bands whose borders look the same in print are one
    members = {name: np.flatnonzero((called == name) & (sizes > 0)) for name in _names(borders, unit)}
    return {name: indices for name, indices in members.items() if indices.size}


def _names(borders: Sequence[float], unit: str) -> list[str]:
    shown = [f"{border:,.0f}" if border >= 100 else f"{border:.3g}" for border in borders]
    middle = [f"{low} to {high} {unit}" for low, high in pairwise(shown)]
    return [f"below {shown[0]} {unit}", *middle, f"{shown[-1]} {unit} and more"]

"""The figures of a data set: counts, sizes, spacing, intensities, labels."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np

from training.data.entry import Entry
from training.data.survey import Facts
from training.data.survey.facts import PERCENTS
from training.recipe import PartName

Spread = dict[str, float]

_FEW = 20  # values of a trait that are told however few cases there are; the text shows as many


def spread(values: Iterable[float]) -> Spread | None:
    """Median, least and greatest to six digits; None of nothing."""
    numbers = np.array(list(values), dtype=np.float64)
    if not numbers.size:
        return None
    figures = {"median": np.median(numbers), "least": numbers.min(), "greatest": numbers.max()}
    return {key: float(f"{value:.6g}") for key, value in figures.items()}


def counts(entries: Sequence[Entry]) -> dict[str, Any]:
    """Cases, groups, and cases by the value of every trait; not of one that is told of each case alone, as an identifier is."""
    traits: dict[str, dict[str, int]] = {}
    for trait in sorted({trait for entry in entries for trait in entry.traits}):
        values = Counter(entry.traits.get(trait, "not stated") for entry in entries)
        if len(values) <= _FEW or len(values) < len(entries):
            traits[trait] = dict(sorted(values.items()))
    return {"cases": len(entries), "groups": len({entry.group for entry in entries}), "traits": traits}


def geometry(facts: Sequence[Facts]) -> dict[str, Any]:
    """Sizes in voxels and spacings in mm, by axis."""
    axes = ("slices", "rows", "columns")
    return {
        "channels": sorted({fact.channels for fact in facts}),
        "size": {axis: spread(fact.size_kji[place] for fact in facts) for place, axis in enumerate(axes)},
        "spacing_mm": {axis: spread(fact.spacing_kji_mm[place] for fact in facts) for place, axis in enumerate(axes)},
    }


def intensity(facts: Sequence[Facts]) -> dict[str, Any]:
    """Over the cases: each percentile, the extremes, and by what factor the cases' scales differ."""
    percentiles = {f"p{percent:g}": spread(fact.percentiles[place] for fact in facts) for place, percent in enumerate(PERCENTS)}
    scales = [fact.scale for fact in facts if fact.scale > 0]
    ratio = float(f"{max(scales) / min(scales):.4g}") if scales else None
    outermost = {"least": spread(fact.extremes[0] for fact in facts), "greatest": spread(fact.extremes[1] for fact in facts)}
    return {"percentiles": percentiles, **outermost, "scale": spread(fact.scale for fact in facts), "scale_ratio": ratio}


def label_figures(value: int, entries: Mapping[PartName, Sequence[Entry]], facts: Mapping[str, Facts]) -> dict[str, Any]:
    """Of one label: by part, how many cases hold it and the spread of its volume (mm³, of images its area, mm²) in those."""
    found: dict[str, Any] = {}
    for part, members in entries.items():
        known = [facts[entry.name] for entry in members]
        volumes = [fact.label_voxels[value] * fact.voxel_mm for fact in known if fact.label_voxels is not None]
        held = [volume for volume in volumes if volume > 0]
        found[part] = {"held_by": len(held), "of": len(volumes), "volume": spread(held)}
    return found

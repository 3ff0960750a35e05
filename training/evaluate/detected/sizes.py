"""Figures of a detector by the size of the true objects, and their FROC as a chart."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from inference.manifest import Manifest
from training.evaluate.detection.bands import Band, even_bands
from training.evaluate.detection.draws import Measured
from training.evaluate.detection.figures import ANY_CLASS, figures_by_size
from training.evaluate.detection.froc import RATE_METRICS
from training.evaluate.detection.records import DetectedImage
from training.evaluate.figures.bootstrap import Figure
from training.evaluate.options import Options
from training.evaluate.page.charts import froc_chart
from training.evaluate.results import Stratum, Subject

IN_BANDS = ("ap50", *RATE_METRICS)

Line = list[tuple[float, float]]


def by_size(
    images: Sequence[DetectedImage], manifest: Manifest, subject: Subject, options: Options
) -> tuple[tuple[Stratum, ...], dict[str, str]]:
    """The figures of each band, and a chart by its title with a line a band; neither where no band is asked for or no object is.

    The lines are of boxes of any label on objects of any label; of a package of one label that is the label's.
    """
    if options.size_bands < 2:
        return (), {}
    key, bands = _bands(images, len(manifest.grid.patch), subject.length_unit, options.size_bands)
    classes = {label.value: label.name for label in manifest.labels}
    tables = figures_by_size(images, classes, bands, seed=options.seed, resamples=options.resamples)
    strata = tuple(
        Stratum(key, band, name, metric, known(row)[metric])
        for band, table in tables.items()
        for name, row in table.items()
        for metric in IN_BANDS
        if metric in known(row)
    )
    of_all, title = (ANY_CLASS, "FROC by size, any class") if len(classes) > 1 else (*classes.values(), "FROC by size")
    lines = {_told(band, images): froc_line(known(tables[band.name][of_all])) for band in bands}
    return strata, froc(title, lines)


def froc(title: str, lines: Mapping[str, Line]) -> dict[str, str]:
    """The chart by its title; none without a line."""
    drawn = {name: line for name, line in lines.items() if line}
    return {title: froc_chart(drawn, title)} if drawn else {}


def froc_line(figures: Mapping[str, Figure]) -> Line:
    """Rate and sensitivity of one subject; empty where it has no object."""
    return [(rate, figures[metric].value) for metric, rate in RATE_METRICS.items() if metric in figures]


def known(row: Mapping[str, Measured]) -> dict[str, Figure]:
    """The figures that there are."""
    return {metric: each.figure for metric, each in row.items() if each.figure is not None}


def _bands(images: Sequence[DetectedImage], dims: int, length_unit: str, count: int) -> tuple[str, tuple[Band, ...]]:
    """What the bands are of, and the bands: diameters where millimetres are known, else areas or volumes in pixels or voxels."""
    if length_unit == "mm":
        return "equivalent diameter of the true box", even_bands(images, count, "mm", dims)
    return "size of the true box", even_bands(images, count, "px²" if dims == 2 else "voxels")


def _told(band: Band, images: Sequence[DetectedImage]) -> str:
    objects = sum(int(np.count_nonzero(band.holds(image.true_sizes))) for image in images)
    return f"{band.name} ({objects} {'object' if objects == 1 else 'objects'})"

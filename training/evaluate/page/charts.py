"""The charts of a report, each as SVG text."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from training.evaluate.figures.agreement import Agreement
from training.evaluate.figures.calibration import Bin
from training.evaluate.figures.ranking import Roc
from training.evaluate.page.svg import Chart, padded

UNIT = (0.0, 1.0)
SQUARE = (340, 320)
MOST_POINTS = 400
_RATES = {-3: "⅛", -2: "¼", -1: "½"}


def roc_chart(curves: Mapping[str, Roc]) -> str:
    """Sensitivity over 1 - specificity, one line per name."""
    chart = Chart("ROC", "1 − specificity", "sensitivity", UNIT, UNIT, size=SQUARE)
    chart.guide((0, 0), (1, 1))
    for number, (name, roc) in enumerate(curves.items()):
        steps = thinned(list(zip((1 - roc.specificity).tolist(), roc.sensitivity.tolist(), strict=True)))
        chart.line(steps, name, number)
    return chart.text()


def reliability_chart(curves: Mapping[str, Sequence[Bin]]) -> str:
    """Share right over confidence, one line per name; calibrated is the diagonal. A dot's area tells its cases."""
    chart = Chart("Reliability", "confidence of the most probable class", "share that is right", UNIT, UNIT, size=SQUARE)
    chart.guide((0, 0), (1, 1))
    for number, (name, bins) in enumerate(curves.items()):
        chart.line([(b.confidence, b.accuracy) for b in bins], name, number)
        every = sum(b.cases for b in bins)
        for b in bins:
            chart.dots([(b.confidence, b.accuracy)], number=number, radius=2 + 8 * (b.cases / every) ** 0.5)
    return chart.text()


def bland_altman_chart(
    measured_mm: NDArray[np.float64], true_mm: NDArray[np.float64], found: Agreement, name: str, unit: str = "mm"
) -> str:
    """Difference over mean, with bias and limits of agreement."""
    means, differences = (measured_mm + true_mm) / 2, measured_mm - true_mm
    levels = {"bias": found.bias_mm, "−1.96 SD": found.low_mm, "+1.96 SD": found.high_mm}
    shown = {label: level for label, level in levels.items() if np.isfinite(level)}
    x, y = padded(means.tolist()), padded([*differences.tolist(), *shown.values(), 0.0])
    chart = Chart(name, f"mean of measured and true ({unit})", f"measured − true ({unit})", x, y)
    for label, level in shown.items():
        chart.guide((x[0], level), (x[1], level), f"{label} {level:.2f}".replace("-", "−"))
    chart.dots(zip(means.tolist(), differences.tolist(), strict=True))
    return chart.text()


def curves_chart(title: str, y_label: str, curves: Mapping[str, Sequence[tuple[float, float]]]) -> str:
    """Lines over the steps of training; empty text where there is nothing to draw. Points that are no numbers are left out."""
    finite = {name: [point for point in points if np.isfinite(point).all()] for name, points in curves.items()}
    points = [point for line in finite.values() for point in line]
    if not points:
        return ""
    x, y = padded([x for x, _ in points], 0.0), padded([y for _, y in points])
    chart = Chart(title, "step", y_label, x, y)
    for number, (name, line) in enumerate(finite.items()):
        chart.line(thinned(line), name, number)
    return chart.text()


def spread_chart(title: str, x_label: str, values: Mapping[str, NDArray[np.float64]]) -> str:
    """Every case's share, 0 to 1, as a dot on its label's row, the median as a line: what a mean hides."""
    known = {name: row[~np.isnan(row)] for name, row in values.items()}
    rows = {name: row for name, row in known.items() if row.size}
    if not rows:
        return ""
    least = min(float(row.min()) for row in rows.values())
    x = (0.0, 1.0) if least < 0.5 else (math.floor(10 * least - 0.01) / 10, 1.0)
    chart = Chart(
        title, f"{x_label} (dashes: median)", "", x, (-0.5, len(rows) - 0.5), size=(420, 84 + 42 * len(rows)), rows=True
    )
    for number, (name, row) in enumerate(rows.items()):
        height = len(rows) - 1 - number
        jitter = np.random.default_rng(0).uniform(-0.16, 0.16, row.size)
        chart.dots(zip(row.tolist(), (height + jitter).tolist(), strict=True), number=number, radius=2.2)
        chart.guide((float(np.median(row)), height - 0.3), (float(np.median(row)), height + 0.3))
        chart.note(x[0], height + 0.32, name)
    return chart.text()


def thinned(points: Sequence[tuple[float, float]], most: int = MOST_POINTS) -> list[tuple[float, float]]:
    """Every n-th point, the last always, so that a chart stays small."""
    step = -(-len(points) // most)
    return [*points[:: max(1, step)], *([points[-1]] if points and (len(points) - 1) % max(1, step) else [])]


def froc_chart(curves: Mapping[str, Sequence[tuple[float, float]]], title: str = "FROC") -> str:
    """Sensitivity over ⅛ to 8 false alarms an image, on a logarithmic scale, one line per name."""
    marks = {float(power): _RATES.get(power, f"{2**power}") for power in range(-3, 4)}
    chart = Chart(title, "false alarms an image (logarithmic)", "sensitivity", (-3.0, 3.0), UNIT, size=SQUARE, marks=marks)
    for number, (name, points) in enumerate(curves.items()):
        chart.line([(math.log2(rate), share) for rate, share in points], name, number)
    return chart.text()

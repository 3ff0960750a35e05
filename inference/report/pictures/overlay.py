"""A picture of a label map for a quick look: source slices with the outlines of the labels, names, sizes, lengths. PNG.

Boxes that the same model found are drawn on the slices that they reach.

Panels are the slices with the greatest labelled area, chosen so that every present label is seen at its largest or in an
earlier panel. The letters at the edges are patient directions from the geometry. A thin ellipse is the one whose circumference
is reported. Absent on purpose: DICOM (the SEG carries the truth).
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw

from inference.report.codes import to_rgb
from inference.report.identity import Identity
from inference.report.pictures.marks import mark_boxes, mark_masks
from inference.report.pictures.parts import (
    INK,
    MARGIN,
    PANEL_PIXELS,
    WARNING,
    Line,
    compose,
    fitted_size,
    font,
    grey_picture,
    square,
)
from inference.report.sources.source import Source
from inference.report.statements.detections import Sought
from inference.report.statements.measurements import Target
from inference.volume.ellipse import ellipse_of
from inference.volume.labelmap import LabelMap

MAXIMUM_PANELS = 4
_DIRECTIONS = (("L", "R"), ("P", "A"), ("H", "F"))
_OBLIQUE = 0.3  # a direction cosine below this adds no letter
_ELLIPSE_POINTS = 180


def draw_overlay(
    source: Source,
    label_map: LabelMap,
    targets: Sequence[Target],
    identity: Identity,
    boxes: Sequence[Sought] = (),
    more: Sequence[Line] = (),
) -> bytes:
    """PNG bytes; without any label the middle slice is shown. ``more`` lines stand below those of the labels."""
    panels = [_panel(source, label_map, targets, boxes, k) for k in choose_slices(label_map.labels_kji, targets)]
    return compose(panels, [*(line for target in targets for line in _lines(target)), *more], identity)


def choose_slices(labels_kji: NDArray[np.integer], targets: Sequence[Target]) -> list[int]:
    """Slices (k, from 0) to show, ascending: the most labelled one, then those where labels not yet shown are largest."""
    areas = {
        target.label.value: np.count_nonzero(labels_kji == target.label.value, axis=(1, 2))
        for target in targets
        if target.present
    }
    if not areas:
        return [len(labels_kji) // 2]
    chosen = [int(np.argmax(sum(areas.values())))]
    for area in areas.values():
        if len(chosen) < MAXIMUM_PANELS and not any(area[k] for k in chosen):
            chosen.append(int(np.argmax(area)))
    return sorted(chosen)


def _panel(source: Source, label_map: LabelMap, targets: Sequence[Target], boxes: Sequence[Sought], k: int) -> Image.Image:
    columns_mm, rows_mm = (float(size) for size in np.linalg.norm(label_map.affine_lps_mm[:3, :2], axis=0))
    plane = label_map.labels_kji[k]
    rows, columns = plane.shape
    picture = grey_picture(source, k, fitted_size(rows, columns, (rows_mm, columns_mm)))
    drawn = mark_masks(picture, plane, {target.label.value: to_rgb(target.colour) for target in targets})
    for target in (target for target in targets if any(length.mm is not None for length in target.lengths)):
        _draw_ellipse(drawn, plane == target.label.value, (rows_mm, columns_mm))
    mark_boxes(drawn, (rows, columns), boxes, k)
    panel = square(drawn)
    _annotate(panel, label_map, k)
    return panel


def _draw_ellipse(picture: Image.Image, mask: NDArray[np.bool_], spacing_mm: tuple[float, float]) -> None:
    """The ellipse that was measured, through the centres of the picture's pixels."""
    ellipse = ellipse_of(mask, spacing_mm)
    turn = np.linspace(0, 2 * math.pi, _ELLIPSE_POINTS)
    along, across = ellipse.semi_major_mm * np.cos(turn), ellipse.semi_minor_mm * np.sin(turn)
    cosine, sine = math.cos(ellipse.angle_rad), math.sin(ellipse.angle_rad)
    columns = ellipse.centre[1] + 0.5 + (along * cosine - across * sine) / spacing_mm[1]
    rows = ellipse.centre[0] + 0.5 + (along * sine + across * cosine) / spacing_mm[0]
    scaled = np.c_[columns * picture.width / mask.shape[1], rows * picture.height / mask.shape[0]]
    ImageDraw.Draw(picture).line([(float(x), float(y)) for x, y in scaled], fill=INK, width=1)


def _annotate(panel: Image.Image, label_map: LabelMap, k: int) -> None:
    draw, letters = ImageDraw.Draw(panel), font()
    draw.text((MARGIN, MARGIN), f"slice {k + 1} of {len(label_map.labels_kji)}", INK, letters)
    if not label_map.positioned:
        return
    columns, rows = label_map.affine_lps_mm[:3, 0], label_map.affine_lps_mm[:3, 1]
    middle, far = PANEL_PIXELS // 2, PANEL_PIXELS - MARGIN
    draw.text((MARGIN, middle), _letters(-columns), INK, letters, anchor="lm")
    draw.text((far, middle), _letters(columns), INK, letters, anchor="rm")
    draw.text((middle, MARGIN), _letters(-rows), INK, letters, anchor="ma")
    draw.text((middle, far), _letters(rows), INK, letters, anchor="md")


def _letters(direction: NDArray[np.float64]) -> str:
    """Patient directions (PS3.3 C.7.6.1.1.1) that an LPS vector points to, the strongest first."""
    unit = direction / np.linalg.norm(direction)
    strongest = [axis for axis in np.argsort(-np.abs(unit)) if abs(unit[axis]) > _OBLIQUE]
    return "".join(_DIRECTIONS[axis][0 if unit[axis] > 0 else 1] for axis in strongest)


def _lines(target: Target) -> Iterator[Line]:
    yield Line(f"{target.label.name}: {', '.join(_numbers(target))}", swatch=to_rgb(target.colour))
    for note in target.notes:
        yield Line(f"{target.label.name}: {note}", ink=WARNING)


def _numbers(target: Target) -> list[str]:
    if not target.present:
        return ["absent"]
    sizes = [] if target.size is None else [f"{target.size:,.0f} {target.unit}"]
    lengths = [f"{length.name} {length.mm:,.1f} mm" for length in target.lengths if length.mm is not None]
    return [*sizes, *lengths] or ["present"]

"""A picture of the result for a quick look: source slices with the outlines of the labels, names, sizes. PNG.

Panels are the slices with the greatest labelled area, chosen so that every present label is seen at its largest or in an
earlier panel. Pixels keep their shape in millimetres. The letters at the edges are patient directions from the geometry. No
text of the source is drawn; what is burned into its pixels stays visible. Absent on purpose: DICOM (the SEG carries the
truth), windows from the header.
"""

from __future__ import annotations

from collections.abc import Sequence
from io import BytesIO

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

from inference.report.codes import to_rgb
from inference.report.identity import NOT_FOR_CLINICAL_USE, Identity
from inference.report.measurements import Target
from inference.report.source import Source
from inference.volume.frames import frame_count
from inference.volume.labelmap import LabelMap
from inference.volume.pixels import decode, modality_values

MAXIMUM_PANELS = 4
PANEL_PIXELS = 512
FONT_PIXELS = 16
_LINE_PIXELS = 22
_MARGIN = 10
_INK, _PAPER, _WARNING = (230, 230, 230), (16, 16, 16), (255, 196, 64)
_WINDOW_PERCENTILES = (1.0, 99.5)
_DIRECTIONS = (("L", "R"), ("P", "A"), ("H", "F"))
_OBLIQUE = 0.3  # a direction cosine below this adds no letter


def draw_overlay(source: Source, label_map: LabelMap, targets: Sequence[Target], identity: Identity) -> bytes:
    """PNG bytes; without any label the middle slice is shown."""
    panels = [_panel(source, label_map, targets, k) for k in choose_slices(label_map.labels_kji, targets)]
    return _compose(panels, _legend(targets, identity))


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


def _panel(source: Source, label_map: LabelMap, targets: Sequence[Target], k: int) -> Image.Image:
    spacing_i, spacing_j = np.linalg.norm(label_map.affine_lps_mm[:3, :2], axis=0)
    _, rows, columns = label_map.labels_kji.shape
    scale = PANEL_PIXELS / max(rows * spacing_j, columns * spacing_i)
    size = (max(1, round(columns * spacing_i * scale)), max(1, round(rows * spacing_j * scale)))
    grey = Image.fromarray(_grey(_pixels(source, k))).resize(size, Image.Resampling.BICUBIC)
    picture = np.array(grey.convert("RGB"))
    labels = np.array(Image.fromarray(label_map.labels_kji[k]).resize(size, Image.Resampling.NEAREST))
    for target in targets:
        picture[_outline(labels == target.label.value)] = to_rgb(target.colour)
    panel = Image.new("RGB", (PANEL_PIXELS, PANEL_PIXELS))
    corner = ((PANEL_PIXELS - size[0]) // 2, (PANEL_PIXELS - size[1]) // 2)
    panel.paste(Image.fromarray(picture), corner)
    _annotate(panel, label_map, k)
    return panel


def _pixels(source: Source, k: int) -> NDArray[np.float32]:
    """Modality values of slice k; an Instance is decoded whole."""
    frame = source.frames[k]
    stored = decode(frame.dataset, frame_count(frame.dataset), frame.rows, frame.columns)
    return modality_values(frame, stored[frame.index])


def _grey(values: NDArray[np.float32]) -> NDArray[np.uint8]:
    low, high = np.percentile(values, _WINDOW_PERCENTILES)
    scaled = (values - low) / max(float(high - low), 1e-6)
    return np.asarray(np.clip(scaled, 0, 1) * 255, dtype=np.uint8)


def _outline(mask: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """The mask's own pixels that touch a pixel outside it, two pixels thick."""
    inner = mask
    for _ in range(2):
        padded = np.pad(inner, 1)
        inner = inner & padded[:-2, 1:-1] & padded[2:, 1:-1] & padded[1:-1, :-2] & padded[1:-1, 2:]
    return mask & ~inner


def _annotate(panel: Image.Image, label_map: LabelMap, k: int) -> None:
    draw, font = ImageDraw.Draw(panel), _font()
    draw.text((_MARGIN, _MARGIN), f"slice {k + 1} of {len(label_map.labels_kji)}", _INK, font)
    if not label_map.positioned:
        return
    columns, rows = label_map.affine_lps_mm[:3, 0], label_map.affine_lps_mm[:3, 1]
    middle, far = PANEL_PIXELS // 2, PANEL_PIXELS - _MARGIN
    draw.text((_MARGIN, middle), _letters(-columns), _INK, font, anchor="lm")
    draw.text((far, middle), _letters(columns), _INK, font, anchor="rm")
    draw.text((middle, _MARGIN), _letters(-rows), _INK, font, anchor="ma")
    draw.text((middle, far), _letters(rows), _INK, font, anchor="md")


def _letters(direction: NDArray[np.float64]) -> str:
    """Patient directions (PS3.3 C.7.6.1.1.1) that an LPS vector points to, the strongest first."""
    unit = direction / np.linalg.norm(direction)
    strongest = [axis for axis in np.argsort(-np.abs(unit)) if abs(unit[axis]) > _OBLIQUE]
    return "".join(_DIRECTIONS[axis][0 if unit[axis] > 0 else 1] for axis in strongest)


def _legend(targets: Sequence[Target], identity: Identity) -> Image.Image:
    height = _LINE_PIXELS * (len(targets) + 2) + 2 * _MARGIN
    legend = Image.new("RGB", (PANEL_PIXELS, height), _PAPER)
    draw, font = ImageDraw.Draw(legend), _font()
    draw.text((_MARGIN, _MARGIN), f"AI {identity.model_name} {identity.model_version}", _INK, font)
    if not identity.clinical_use:
        draw.text((_MARGIN, _MARGIN + _LINE_PIXELS), NOT_FOR_CLINICAL_USE, _WARNING, font)
    for row, target in enumerate(targets, 2):
        top = _MARGIN + row * _LINE_PIXELS
        draw.rectangle((_MARGIN, top + 3, _MARGIN + 14, top + 17), fill=to_rgb(target.colour))
        draw.text((_MARGIN + 24, top), f"{target.label.name}: {_size(target)}", _INK, font)
    return legend


def _size(target: Target) -> str:
    if not target.present:
        return "absent"
    return f"{target.size:,.0f} {target.unit}"


def _compose(panels: Sequence[Image.Image], legend: Image.Image) -> bytes:
    picture = Image.new("RGB", (PANEL_PIXELS * len(panels), PANEL_PIXELS + legend.height), _PAPER)
    for column, panel in enumerate(panels):
        picture.paste(panel, (column * PANEL_PIXELS, 0))
    picture.paste(legend, (0, PANEL_PIXELS))
    buffer = BytesIO()
    picture.save(buffer, "PNG")
    return buffer.getvalue()


def _font() -> ImageFont.FreeTypeFont | ImageFont.ImageFont:
    return ImageFont.load_default(FONT_PIXELS)

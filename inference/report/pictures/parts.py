"""What the pictures of every task are put together from: a source frame as a square panel, a legend, one PNG.

Pixels keep their shape in millimetres. No text of the source is drawn; what is burned into its pixels stays visible. Absent on
purpose: windows from the header.
"""

from __future__ import annotations

import textwrap
from collections.abc import Sequence
from dataclasses import dataclass
from io import BytesIO

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

from inference.report.identity import NOT_FOR_CLINICAL_USE, Identity
from inference.report.sources.source import Source
from inference.volume.frames import frame_count
from inference.volume.pixels import decode, modality_values

PANEL_PIXELS = 512
MARGIN = 10
INK, WARNING = (230, 230, 230), (255, 196, 64)
_PAPER = (16, 16, 16)
_FONT_PIXELS, _LINE_PIXELS = 16, 22
_SWATCH_PIXELS, _INDENT = 14, 24
_LINE_CHARACTERS = 58
_WINDOW_PERCENTILES = (1.0, 99.5)

Colour = tuple[int, int, int]


@dataclass(frozen=True)
class Line:
    """One line of a legend, wrapped where it is too long; ``swatch`` is the colour that the line explains."""

    text: str
    swatch: Colour | None = None
    ink: Colour = INK


def fitted_size(rows: int, columns: int, spacing_mm: tuple[float, float]) -> tuple[int, int]:
    """(width, height) in panel pixels of an image with this spacing between rows, between columns."""
    height_mm, width_mm = rows * spacing_mm[0], columns * spacing_mm[1]
    scale = PANEL_PIXELS / max(height_mm, width_mm)
    return max(1, round(width_mm * scale)), max(1, round(height_mm * scale))


def grey_picture(source: Source, k: int, size: tuple[int, int]) -> Image.Image:
    """Slice k in shades of grey (RGB); an Instance is decoded whole."""
    frame = source.frames[k]
    stored = decode(frame.dataset, frame_count(frame.dataset), frame.rows, frame.columns)
    values = modality_values(frame, stored[frame.index])
    return Image.fromarray(_grey(values)).resize(size, Image.Resampling.BICUBIC).convert("RGB")


def square(picture: Image.Image) -> Image.Image:
    """``picture`` in the middle of a black panel."""
    panel = Image.new("RGB", (PANEL_PIXELS, PANEL_PIXELS))
    panel.paste(picture, ((PANEL_PIXELS - picture.width) // 2, (PANEL_PIXELS - picture.height) // 2))
    return panel


def compose(panels: Sequence[Image.Image], lines: Sequence[Line], identity: Identity) -> bytes:
    """PNG of the panels side by side above a legend that names the model, its research mark and ``lines``."""
    legend = _legend(lines, identity)
    picture = Image.new("RGB", (PANEL_PIXELS * len(panels), PANEL_PIXELS + legend.height), _PAPER)
    for column, panel in enumerate(panels):
        picture.paste(panel, (column * PANEL_PIXELS, 0))
    picture.paste(legend, (0, PANEL_PIXELS))
    buffer = BytesIO()
    picture.save(buffer, "PNG")
    return buffer.getvalue()


def font() -> ImageFont.FreeTypeFont | ImageFont.ImageFont:
    """The letters of every text."""
    return ImageFont.load_default(_FONT_PIXELS)


def _legend(lines: Sequence[Line], identity: Identity) -> Image.Image:
    head = [Line(f"AI {identity.model_name} {identity.model_version}")]
    mark = [] if identity.clinical_use else [Line(NOT_FOR_CLINICAL_USE, ink=WARNING)]
    rows = [(line, text, n) for line in [*head, *mark, *lines] for n, text in enumerate(_wrapped(line.text))]
    legend = Image.new("RGB", (PANEL_PIXELS, _LINE_PIXELS * len(rows) + 2 * MARGIN), _PAPER)
    draw = ImageDraw.Draw(legend)
    for row, (line, text, number) in enumerate(rows):
        top = MARGIN + row * _LINE_PIXELS
        if line.swatch and number == 0:
            draw.rectangle((MARGIN, top + 3, MARGIN + _SWATCH_PIXELS, top + 3 + _SWATCH_PIXELS), fill=line.swatch)
        draw.text((MARGIN + (_INDENT if line.swatch else 0), top), text, line.ink, font())
    return legend


def _wrapped(text: str) -> list[str]:
    return textwrap.wrap(text, _LINE_CHARACTERS) or [""]


def _grey(values: NDArray[np.float32]) -> NDArray[np.uint8]:
    low, high = np.percentile(values, _WINDOW_PERCENTILES)
    scaled = (values - low) / max(float(high - low), 1e-6)
    return np.asarray(np.clip(scaled, 0, 1) * 255, dtype=np.uint8)

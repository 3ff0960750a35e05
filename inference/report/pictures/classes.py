"""A picture of a classification for a quick look: the image, or the middle slice of a volume, with the results below. PNG.

Nothing is marked in the image: a classification says what, never where.
"""

from __future__ import annotations

from collections.abc import Sequence

from inference.report.identity import Identity
from inference.report.pictures.parts import INK, WARNING, Line, compose, fitted_size, grey_picture, square
from inference.report.sources.source import Source
from inference.report.statements.classes import ClassFinding

_SQUARE_PIXELS = (1.0, 1.0)


def draw_classes(source: Source, findings: Sequence[ClassFinding], identity: Identity) -> bytes:
    """PNG bytes. Pixels of an image that states no spacing are drawn square."""
    k = len(source.frames) // 2
    frame = source.frames[k]
    spacing = frame.pixel_spacing_mm
    spacing_mm = _SQUARE_PIXELS if spacing is None else (float(spacing[0]), float(spacing[1]))
    picture = grey_picture(source, k, fitted_size(frame.rows, frame.columns, spacing_mm))
    return compose([square(picture)], [class_line(finding) for finding in findings], identity)


def class_line(finding: ClassFinding) -> Line:
    """What the legend says of a class."""
    said = "PRESENT" if finding.present else "absent"
    text = f"{finding.label.name}: {said}, probability {finding.probability:g} (threshold {finding.threshold:g})"
    return Line(text, ink=WARNING if finding.present else INK)

"""A picture of a detection for a quick look: source slices with the outlines of the boxes, and the findings below. PNG.

Panels are the slices through the middles of the most certain findings, of an image that image. A box is drawn on every shown
slice that it reaches.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from PIL import Image, ImageDraw

from inference.report.codes import Lab, colours, to_rgb
from inference.report.identity import Identity
from inference.report.pictures.parts import Colour, Line, compose, fitted_size, grey_picture, square
from inference.report.sources.source import Source
from inference.report.statements.detections import Finding, Sought
from inference.volume.boxes import in_plane

MOST_PANELS = 4
_SQUARE_PIXELS = (1.0, 1.0)
_WIDTH = 2


def draw_detections(source: Source, sought: Sequence[Sought], identity: Identity) -> bytes:
    """PNG bytes; without a finding the middle slice is shown. Pixels of an image that states no spacing are drawn square."""
    lab = colours(label.label for label in sought)
    panels = [_panel(source, sought, lab, k) for k in _slices(source, sought)]
    return compose(panels, list(_lines(sought, lab)), identity)


def _slices(source: Source, sought: Sequence[Sought]) -> list[int]:
    """Slices (k, from 0) to show, ascending."""
    findings = sorted((f for label in sought for f in label.findings), key=lambda f: -f.certainty_percent)
    chosen = list(dict.fromkeys(finding.slice_index for finding in findings))[:MOST_PANELS]
    return sorted(chosen) or [len(source.frames) // 2]


def _panel(source: Source, sought: Sequence[Sought], lab: dict[int, Lab], k: int) -> Image.Image:
    frame = source.frames[k]
    spacing = frame.pixel_spacing_mm
    spacing_mm = _SQUARE_PIXELS if spacing is None else (float(spacing[0]), float(spacing[1]))
    size = fitted_size(frame.rows, frame.columns, spacing_mm)
    picture = grey_picture(source, k, size)
    scale = (size[0] / frame.columns, size[1] / frame.rows)
    for label in sought:
        for finding in (finding for finding in label.findings if _reaches(finding, k)):
            _outline(picture, finding, scale, to_rgb(lab[label.label.value]))
    return square(picture)


def _reaches(finding: Finding, k: int) -> bool:
    """Whether a box covers part of slice k."""
    return len(finding.box) == 4 or bool(finding.box[0] < k + 1 and finding.box[3] > k)


def _outline(picture: Image.Image, finding: Finding, scale: tuple[float, float], colour: Colour) -> None:
    j0, i0, j1, i1 = (float(finding.box[axis]) for axis in in_plane(len(finding.box)))
    corners = (i0 * scale[0], j0 * scale[1], i1 * scale[0] - 1, j1 * scale[1] - 1)
    left, top, right, bottom = corners
    ImageDraw.Draw(picture).rectangle((left, top, max(left, right), max(top, bottom)), outline=colour, width=_WIDTH)


def detection_lines(sought: Sequence[Sought]) -> Iterator[Line]:
    """What a legend without outlines says of each label."""
    for line in _lines(sought, colours(label.label for label in sought)):
        yield Line(f"boxes, {line.text}")


def _lines(sought: Sequence[Sought], lab: dict[int, Lab]) -> Iterator[Line]:
    for label in sought:
        said = ", ".join(f"{finding.certainty_percent:g} %" for finding in label.findings) or "absent"
        threshold = f"(threshold {100 * label.threshold:g} %)"
        yield Line(f"{label.label.name}: {said} {threshold}", swatch=to_rgb(lab[label.label.value]))

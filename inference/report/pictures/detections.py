"""A picture of a detection for a quick look: source slices with the boxes, the outlines of their masks where they have some, and
the findings below. PNG.

Panels are the slices through the middles of the most certain findings, of an image that image. A box is drawn on every shown
slice that it reaches.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from PIL import Image

from inference.report.identity import Identity
from inference.report.pictures.marks import inks_of, mark_boxes, mark_masks
from inference.report.pictures.parts import Line, compose, fitted_size, grey_picture, square
from inference.report.sources.source import Source
from inference.report.statements.detections import Sought
from inference.volume.labelmap import LabelMap

MOST_PANELS = 4
_SQUARE_PIXELS = (1.0, 1.0)


def draw_detections(source: Source, masks: LabelMap | None, sought: Sequence[Sought], identity: Identity) -> bytes:
    """PNG bytes; without a finding the middle slice is shown. Pixels of an image that states no spacing are drawn square.

    Parameters
    ----------
    masks : the segment that each voxel belongs to, as the findings count them; None of a detector without masks.
    """
    panels = [_panel(source, masks, sought, k) for k in _slices(source, sought)]
    return compose(panels, list(_lines(sought)), identity)


def _slices(source: Source, sought: Sequence[Sought]) -> list[int]:
    """Slices (k, from 0) to show, ascending."""
    findings = sorted((f for label in sought for f in label.findings), key=lambda f: -f.certainty_percent)
    chosen = list(dict.fromkeys(finding.slice_index for finding in findings))[:MOST_PANELS]
    return sorted(chosen) or [len(source.frames) // 2]


def _panel(source: Source, masks: LabelMap | None, sought: Sequence[Sought], k: int) -> Image.Image:
    frame = source.frames[k]
    spacing = frame.pixel_spacing_mm
    spacing_mm = _SQUARE_PIXELS if spacing is None else (float(spacing[0]), float(spacing[1]))
    picture = grey_picture(source, k, fitted_size(frame.rows, frame.columns, spacing_mm))
    if masks is not None:
        inks = inks_of(sought)
        of_segments = {f.segment_number: inks[label.label.value] for label in sought for f in label.findings if f.segment_number}
        picture = mark_masks(picture, masks.labels_kji[k], of_segments)
    mark_boxes(picture, (frame.rows, frame.columns), sought, k)
    return square(picture)


def detection_lines(sought: Sequence[Sought]) -> Iterator[Line]:
    """What the legend of a picture that shows other things too says of each label's boxes."""
    for line in _lines(sought):
        yield Line(f"boxes, {line.text}", swatch=line.swatch)


def _lines(sought: Sequence[Sought]) -> Iterator[Line]:
    inks = inks_of(sought)
    for label in sought:
        said = ", ".join(f"{finding.certainty_percent:g} %" for finding in label.findings) or "absent"
        threshold = f"(threshold {100 * label.threshold:g} %)"
        yield Line(f"{label.label.name}: {said} {threshold}", swatch=inks[label.label.value])

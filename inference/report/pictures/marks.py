"""What is marked in the picture of a slice: outlines of masks, and boxes. All in the colour of their label."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw

from inference.report.codes import colours, to_rgb
from inference.report.pictures.parts import Colour
from inference.report.statements.detections import Finding, Sought
from inference.volume.boxes import in_plane

_WIDTH = 2


def mark_masks(picture: Image.Image, plane: NDArray[np.integer], inks: Mapping[int, Colour]) -> Image.Image:
    """``picture`` with the outline of each value of ``plane`` (J, I) that has an ink; later ones lie over earlier ones."""
    pixels = np.array(picture)
    values = np.array(Image.fromarray(plane).resize(picture.size, Image.Resampling.NEAREST))
    for value, ink in inks.items():
        pixels[_outline(values == value)] = ink
    return Image.fromarray(pixels)


def _outline(mask: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """The mask's own pixels that touch a pixel outside it, two pixels thick."""
    inner = mask
    for _ in range(_WIDTH):
        padded = np.pad(inner, 1)
        inner = inner & padded[:-2, 1:-1] & padded[2:, 1:-1] & padded[1:-1, :-2] & padded[1:-1, 2:]
    return mask & ~inner


def mark_boxes(picture: Image.Image, shape: tuple[int, int], sought: Sequence[Sought], k: int) -> None:
    """Draw into ``picture``, which shows slice ``k`` of ``shape`` (J, I), the box of every finding that reaches this slice."""
    inks = inks_of(sought)
    scale = (picture.width / shape[1], picture.height / shape[0])
    for label in sought:
        for finding in (finding for finding in label.findings if _reaches(finding, k)):
            _draw_box(picture, finding, scale, inks[label.label.value])


def inks_of(sought: Sequence[Sought]) -> dict[int, Colour]:
    """The colour of each label, by its value."""
    return {value: to_rgb(lab) for value, lab in colours(label.label for label in sought).items()}


def _reaches(finding: Finding, k: int) -> bool:
    """Whether a box covers part of slice k."""
    return len(finding.box) == 4 or bool(finding.box[0] < k + 1 and finding.box[3] > k)


def _draw_box(picture: Image.Image, finding: Finding, scale: tuple[float, float], ink: Colour) -> None:
    """The picture's pixels along the inner side of the box's edges."""
    j0, i0, j1, i1 = (float(finding.box[axis]) for axis in in_plane(len(finding.box)))
    left, top, right, bottom = i0 * scale[0], j0 * scale[1], i1 * scale[0] - 1, j1 * scale[1] - 1
    ImageDraw.Draw(picture).rectangle((left, top, max(left, right), max(top, bottom)), outline=ink, width=_WIDTH)

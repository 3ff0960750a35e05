"""Which objects were missed and which alarms were false, worst first, and their pictures: the image with true and found boxes.

Sky blue is the truth, orange what was found, as in the pictures of masks. Nothing is written into a picture; its caption names
the case as the data do, and never a person.
"""

from __future__ import annotations

import io
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw

from training.evaluate.detection.matching import NONE, match
from training.evaluate.detection.pool import Rule
from training.evaluate.detection.records import Array, DetectedImage, box_sizes
from training.evaluate.pictures import PREDICTION, SIDE, TRUTH, Picture


@dataclass(frozen=True)
class Mistake:
    """One missed object or false alarm: ``place`` is its index among the image's true or found boxes.

    ``weight``: of a miss its size, of a false alarm its score; greater is worse.
    """

    image: int
    place: int
    kind: Literal["missed", "false alarm"]
    weight: float


def mistakes(images: Sequence[DetectedImage], rule: Rule, least_score: float = 0.0) -> tuple[list[Mistake], list[Mistake]]:
    """Misses by falling size and false alarms by falling score, over all classes as one, at the rule's first threshold.

    Parameters
    ----------
    least_score : boxes below it don't count as found: the operating point that is looked at.
    """
    missed, false = [], []
    for number, image in enumerate(images):
        kept = np.flatnonzero(image.scores >= least_score)
        taken = match(rule.closeness(image)[kept], image.scores[kept], np.array(rule.thresholds[:1]))[0]
        sizes = box_sizes(image.true_boxes)
        for place in np.setdiff1d(np.arange(len(sizes)), taken).tolist():
            missed.append(Mistake(number, place, "missed", float(sizes[place])))
        for place in kept[taken == NONE].tolist():
            false.append(Mistake(number, place, "false alarm", float(image.scores[place])))
    return sorted(missed, key=_worst_first), sorted(false, key=_worst_first)


def _worst_first(mistake: Mistake) -> tuple[float, int, int]:
    return -mistake.weight, mistake.image, mistake.place


def draw_mistake(mistake: Mistake, image: DetectedImage, pixels: NDArray[Any], least_score: float = 0.0) -> Picture:
    """The image (of a volume the slice through the middle of the box) with all boxes that reach it.

    Parameters
    ----------
    pixels : ([K,] J, I), one channel, on the grid of the boxes.
    least_score : found boxes below it aren't drawn.
    """
    boxes = image.true_boxes if mistake.kind == "missed" else image.boxes
    box = boxes[mistake.place]
    flat, k = _plane(pixels, box)
    said = f"size {mistake.weight:g}" if mistake.kind == "missed" else f"score {mistake.weight:.3f}"
    where = "" if k is None else f", slice {k + 1}"
    found = image.boxes[image.scores >= least_score]
    return Picture(f"{mistake.kind}: {image.name}, {said}{where}", draw_boxes(flat, _on(image.true_boxes, k), _on(found, k)))


def draw_worst(
    images: Sequence[DetectedImage],
    pixels_of: Callable[[str], NDArray[Any]],
    rule: Rule,
    *,
    least_score: float = 0.0,
    most: int = 6,
) -> tuple[Picture, ...]:
    """Pictures of the ``most`` largest misses and surest false alarms, each image once in each.

    Parameters
    ----------
    pixels_of : an image's name to its pixels, ([K,] J, I); asked for what is drawn alone.
    """
    pictures = []
    for rows in mistakes(images, rule, least_score):
        firsts = list({row.image: row for row in reversed(rows)}.values())
        for row in sorted(firsts, key=rows.index)[:most]:
            image = images[row.image]
            pictures.append(draw_mistake(row, image, pixels_of(image.name), least_score))
    return tuple(pictures)


def draw_boxes(pixels_ji: NDArray[Any], true: Array, found: Array) -> bytes:
    """PNG of an image (J, I) in grey with true and found boxes (N, 4), (j0, i0, j1, i1); the longer side is 288 pixels."""
    rows, columns = pixels_ji.shape
    scale = SIDE / max(rows, columns)
    size = (max(1, round(columns * scale)), max(1, round(rows * scale)))
    picture = Image.fromarray(_grey(pixels_ji)).resize(size, Image.Resampling.BICUBIC).convert("RGB")
    draw = ImageDraw.Draw(picture)
    for boxes, colour, width in ((true, TRUTH, 3), (found, PREDICTION, 1)):
        for j0, i0, j1, i1 in (boxes * scale).tolist():
            left, top = round(i0), round(j0)
            draw.rectangle((left, top, max(left, round(i1) - 1), max(top, round(j1) - 1)), outline=colour, width=width)
    stream = io.BytesIO()
    picture.save(stream, "PNG")
    return stream.getvalue()


def _plane(pixels: NDArray[Any], box: Array) -> tuple[NDArray[Any], int | None]:
    """The slice through a box's middle and its number from 0; an image itself, and None."""
    if pixels.ndim == 2:
        return pixels, None
    k = int(np.clip((box[0] + box[3]) // 2, 0, len(pixels) - 1))
    return pixels[k], k


def _on(boxes: Array, k: int | None) -> Array:
    """The boxes (N, 4) in the plane of those that reach slice k."""
    return boxes if k is None else boxes[(boxes[:, 0] < k + 1) & (boxes[:, 3] > k)][:, [1, 2, 4, 5]]


def _grey(values: NDArray[Any]) -> NDArray[np.uint8]:
    low, high = np.percentile(values, [1, 99])
    return np.asarray(np.clip((values - low) / max(float(high - low), 1e-9) * 255, 0, 255), dtype=np.uint8)

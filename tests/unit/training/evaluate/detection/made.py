"""Images made up for detection figures, and the same figures by plain loops, as oracles."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from training.evaluate.detection.overlap import box_iou
from training.evaluate.detection.records import DetectedImage

Rows = Sequence[tuple[Sequence[float], float]]


def image(
    name: str,
    found: Rows,
    true: Sequence[Sequence[float]],
    group: str | None = None,
    labels: Sequence[int] | None = None,
    true_labels: Sequence[int] | None = None,
    dims: int = 2,
) -> DetectedImage:
    """One image; a group and label 1 of its own where nothing else is said."""
    boxes = np.array([row[0] for row in found], np.float64).reshape(-1, 2 * dims)
    truth = np.array(true, np.float64).reshape(-1, 2 * dims)
    return DetectedImage(
        name,
        name if group is None else group,
        boxes,
        np.array([row[1] for row in found], np.float64),
        np.ones(len(boxes), np.int64) if labels is None else np.array(labels, np.int64),
        truth,
        np.ones(len(truth), np.int64) if true_labels is None else np.array(true_labels, np.int64),
    )


def drawn_images(seed: int, count: int, groups: int, dims: int = 2, levels: int = 1000) -> list[DetectedImage]:
    """Random images: true boxes, found ones near some of them and elsewhere, two classes; ``levels`` makes equal scores."""
    random = np.random.default_rng(seed)
    made = []
    for n in range(count):
        true = _boxes(random, int(random.integers(0, 4)), dims)
        near = true[random.random(len(true)) < 0.8] + random.normal(0, 1.5, (1, 2 * dims))
        far = _boxes(random, int(random.integers(0, 5)), dims)
        twice = near[:1] + 0.5
        boxes = np.concatenate([near, far, twice])
        boxes[:, dims:] = np.maximum(boxes[:, dims:], boxes[:, :dims] + 0.5)
        scores = random.integers(0, levels, len(boxes)) / levels
        labels, true_labels = random.integers(1, 3, len(boxes)), random.integers(1, 3, len(true))
        rows = list(zip(boxes.tolist(), scores.tolist(), strict=True))
        made.append(image(f"i{n}", rows, true.tolist(), f"g{n % groups}", labels.tolist(), true_labels.tolist(), dims))
    return made


def _boxes(random: np.random.Generator, count: int, dims: int) -> NDArray[np.float64]:
    low = random.uniform(0, 40, (count, dims))
    return np.concatenate([low, low + random.uniform(4, 20, (count, dims))], axis=1)


def slow_matches(one: DetectedImage, threshold: float) -> list[tuple[float, bool]]:
    """(score, hit) by falling score: COCO's rule as a person would do it."""
    free = list(range(len(one.true_boxes)))
    found = []
    for n in sorted(range(len(one.boxes)), key=lambda n: -one.scores[n]):
        overlaps = {m: float(box_iou(one.boxes[n : n + 1], one.true_boxes[m : m + 1])[0, 0]) for m in free}
        best = max(overlaps.values(), default=-1.0)
        if best >= threshold:
            free.remove(max(m for m, overlap in overlaps.items() if overlap == best))
        found.append((float(one.scores[n]), best >= threshold))
    return found


def slow_average_precision(images: Sequence[DetectedImage], threshold: float) -> float:
    """101-point interpolated average precision by its definition."""
    objects = sum(len(one.true_boxes) for one in images)
    rows = sorted((row for one in images for row in slow_matches(one, threshold)), key=lambda row: -row[0])
    points, hits = [], 0
    for place, (_, hit) in enumerate(rows, start=1):
        hits += hit
        points.append((hits, hits / place))
    best = [max((p for h, p in points if h * 100 >= step * objects), default=0.0) for step in range(101)]
    return sum(best) / 101


def slow_sensitivity(images: Sequence[DetectedImage], threshold: float, rate: float) -> float:
    """The most sensitivity among all thresholds of the score with at most ``rate`` false alarms an image."""
    objects = sum(len(one.true_boxes) for one in images)
    rows = [row for one in images for row in slow_matches(one, threshold)]
    shares = [0.0]
    for level in {score for score, _ in rows}:
        hits = sum(hit for score, hit in rows if score >= level)
        alarms = sum(not hit for score, hit in rows if score >= level)
        if alarms <= rate * len(images):
            shares.append(hits / objects)
    return max(shares)

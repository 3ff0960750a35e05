"""Hits and false alarms of every case as a table, from which figures of any choice of cases follow."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from training.evaluate.detection.figures import THRESHOLDS, hit_rule
from training.evaluate.detection.matching import NONE, match
from training.evaluate.detection.overlap import mask_overlap
from training.evaluate.detection.records import DetectedImage, of_label
from training.evaluate.figures.bootstrap import Indices, Statistic

Numbers = NDArray[np.float64]

_RECALLS = np.arange(101) / 100


class Rows:
    """Boxes of all cases by falling score.

    Parameters
    ----------
    found : of each case (score, whether it is a hit) of each box. objects : of each case how many there are.
    """

    def __init__(self, found: Sequence[Sequence[tuple[float, bool]]], objects: Sequence[int]) -> None:
        flat = [(score, hit, case) for case, boxes in enumerate(found) for score, hit in boxes]
        flat.sort(key=lambda row: -row[0])
        self._score = np.array([row[0] for row in flat], dtype=np.float64)
        self._hit = np.array([row[1] for row in flat], dtype=np.float64)
        self._case = np.array([row[2] for row in flat], dtype=np.int64)
        self._objects = np.array(objects, dtype=np.float64)

    def _drawn(self, indices: Indices) -> tuple[Numbers, Numbers, float]:
        """Hits and false alarms up to each box, and objects, of the cases drawn."""
        times = np.bincount(indices, minlength=len(self._objects)).astype(np.float64)
        weights = times[self._case]
        return np.cumsum(weights * self._hit), np.cumsum(weights * (1 - self._hit)), float(times @ self._objects)

    def average_precision(self, indices: Indices) -> float:
        """COCO's, at the IoU by which boxes were called hits; NaN without objects."""
        hits, alarms, objects = self._drawn(indices)
        if not objects:
            return float("nan")
        if not len(hits):
            return 0.0
        precision = hits / np.maximum(hits + alarms, 1)
        best = np.append(np.maximum.accumulate(precision[::-1])[::-1], 0.0)
        return float(best[np.searchsorted(hits, _RECALLS * objects - 1e-9)].mean())

    def sensitivity(self, indices: Indices, rate: float = 1.0) -> float:
        """The share of objects found at no more than ``rate`` false alarms a case; NaN without objects."""
        hits, alarms, objects = self._drawn(indices)
        if not objects:
            return float("nan")
        last = np.append(self._score[1:] != self._score[:-1], True)[: len(hits)]  # boxes of one score come together
        allowed = last & (alarms <= rate * len(indices) + 1e-9)
        return float(hits[allowed].max(initial=0.0) / objects)

    def at(self, threshold: float) -> dict[str, Statistic]:
        """Sensitivity and false alarms a case of the boxes from ``threshold`` on."""
        there = self._score >= threshold
        count = len(self._objects)
        hits = np.bincount(self._case[there], self._hit[there], minlength=count)
        alarms = np.bincount(self._case[there], 1 - self._hit[there], minlength=count)

        def sensitivity(indices: Indices) -> float:
            objects = self._objects[indices].sum()
            return float(hits[indices].sum() / objects) if objects else float("nan")

        return {"sensitivity": sensitivity, "false_alarms": lambda indices: float(alarms[indices].mean())}

    def best_threshold(self) -> float | None:
        """The score whose F1 (twice the hits over boxes and objects) is greatest; None without a hit."""
        hits, alarms, objects = self._drawn(np.arange(len(self._objects)))
        if not len(hits) or not hits[-1]:
            return None
        score = 2 * hits / (hits + alarms + objects)
        return float(self._score[len(score) - 1 - int(np.argmax(score[::-1]))])


def found_rows(images: Sequence[DetectedImage], label: int | None = None) -> Rows:
    """At an IoU of a half; of one label, or of all as one."""
    kept = [of_label(image, label) for image in images]
    pairs = [list(zip(image.scores.tolist(), hits_of(image), strict=True)) for image in kept]
    return Rows(pairs, [len(image.true_boxes) for image in kept])


def hits_of(image: DetectedImage) -> list[bool]:
    """Whether each box is on an object, labels aside, at an IoU of a half."""
    rule = hit_rule()
    taken = match(rule.closeness(image), image.scores, np.array(rule.thresholds))[0]
    return [bool(place != NONE) for place in taken]


def case_document(image: DetectedImage, names: Sequence[str]) -> dict[str, Any]:
    """One case for JSON: objects and boxes, in pixels of the case's own grid; a hit is on an object of its own label.

    Of masks ``mask_hits`` has a digit for each IoU, 0.50, 0.55 … 0.95: 1 where the mask is a hit at it.
    """
    hits, masks = np.zeros(len(image.boxes), dtype=bool), [dict[str, str]() for _ in image.boxes]
    for label in range(1, len(names) + 1):
        there, ours = image.labels == label, of_label(image, label)
        hits[there] = hits_of(ours)
        for place, digits in zip(np.flatnonzero(there), _mask_hits(ours), strict=False):
            masks[place]["mask_hits"] = digits
    told = zip(image.boxes, image.scores, image.labels, hits, masks, strict=True)
    return {
        "objects": [
            {"label": names[label - 1], "box": box.tolist()}
            for box, label in zip(image.true_boxes, image.true_labels, strict=True)
        ],
        "found": [
            {"label": names[label - 1], "score": round(float(score), 5), "hit": bool(hit), "box": box.round(1).tolist()} | mask
            for box, score, label, hit, mask in told
        ],
    }


def _mask_hits(image: DetectedImage) -> list[str]:
    """Of each box; nothing of an image without masks."""
    if image.masks is None:
        return []
    taken = match(mask_overlap(image), image.scores, np.array(THRESHOLDS))
    return ["".join(str(int(place != NONE)) for place in column) for column in taken.T]


def rows_of(cases: Sequence[Mapping[str, Any]], label: str) -> Rows:
    """The same of one label, from the documents of cases."""
    found = [[(box["score"], box["hit"]) for box in case["found"] if box["label"] == label] for case in cases]
    return Rows(found, [sum(one["label"] == label for one in case["objects"]) for case in cases])


def mask_rows_of(cases: Sequence[Mapping[str, Any]], label: str) -> list[Rows]:
    """The same of masks, one for each IoU; none where the boxes have no masks."""
    boxes = [[box for box in case["found"] if box["label"] == label] for case in cases]
    if not any(boxes) or not all("mask_hits" in box for case in boxes for box in case):
        return []
    objects = [sum(one["label"] == label for one in case["objects"]) for case in cases]
    return [
        Rows([[(box["score"], box["mask_hits"][place] == "1") for box in case] for case in boxes], objects)
        for place in range(len(THRESHOLDS))
    ]

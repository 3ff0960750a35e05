"""From which score on a box counts as a finding: chosen on cases that the network didn't learn from, never on the test part."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from inference.manifest import Detection
from training.evaluate.detected.rows import found_rows
from training.evaluate.detection.records import DetectedImage

_DIGITS = 4


@dataclass(frozen=True)
class Chosen:
    """The rules with their thresholds, how many cases they come from, and the labels for which no box was right (by value)."""

    rules: Detection
    cases: int
    unfounded: tuple[int, ...] = ()


def choose_thresholds(images: Sequence[DetectedImage], rules: Detection) -> Chosen:
    """For each label the score with the greatest F1 at an IoU of a half, rounded down to what the node compares.

    A label of which no box lies on an object keeps the threshold that ``rules`` state.
    """
    found = [found_rows(images, value).best_threshold() for value in range(1, len(rules.thresholds) + 1)]
    pairs = zip(found, rules.thresholds, strict=True)
    factor = 10**_DIGITS
    thresholds = tuple(
        stated if best is None else max(rules.score, math.floor(min(best, 1.0) * factor) / factor) for best, stated in pairs
    )
    unfounded = tuple(value for value, best in enumerate(found, start=1) if best is None)
    return Chosen(rules.model_copy(update={"thresholds": thresholds}), len(images), unfounded)

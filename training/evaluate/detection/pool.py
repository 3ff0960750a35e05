"""The found boxes of all images in one list by falling score, each a hit, a false alarm, or neither."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from training.evaluate.detection.bands import EVERY_SIZE, Band
from training.evaluate.detection.draws import Draws
from training.evaluate.detection.matching import NONE, Flags, match
from training.evaluate.detection.overlap import Closeness
from training.evaluate.detection.records import Array, DetectedImage, Labels, of_label

MOST_PER_IMAGE = 100
"""Of each image and class the surest hundred count, as in COCO."""


@dataclass(frozen=True)
class Rule:
    """What a hit is.

    ``duplicates``: whether a further box on an object that is taken is a false alarm (COCO) or counts neither way (LUNA16).
    ``foreign``: whether a box of no object is a false alarm whatever its own size (FROC), or only within the band (COCO).
    """

    closeness: Closeness
    thresholds: tuple[float, ...]
    duplicates: bool = True
    foreign: bool = False


@dataclass(frozen=True, eq=False)
class Pool:
    """Boxes by falling score, equal ones in the order of images; T thresholds.

    ``scores``, ``code`` (of the group) : (N,). ``hits``, ``alarms`` : (T, N). ``objects`` : true boxes of each group, (G,).
    """

    scores: Array
    code: Labels
    hits: Flags
    alarms: Flags
    objects: Array


def pool(images: Sequence[DetectedImage], draws: Draws, rule: Rule, label: int | None = None, band: Band = EVERY_SIZE) -> Pool:
    """Match every image and put the outcomes in one list.

    Parameters
    ----------
    draws : of the groups of these images, in their order.
    label : the class that counts; None for all as one class.
    """
    kept = [of_label(image, label) for image in images]
    outcomes = [_outcomes(image, rule, band) for image in kept]
    scores = np.concatenate([row[0] for row in outcomes]) if outcomes else np.zeros(0)
    order = np.argsort(-scores, kind="stable")
    code = np.concatenate([np.full(len(row[0]), draws.code[n]) for n, row in enumerate(outcomes)] or [np.zeros(0, np.int64)])
    empty = np.zeros((len(rule.thresholds), 0), dtype=bool)
    hits, alarms = (np.concatenate([empty, *(row[part] for row in outcomes)], axis=1)[:, order] for part in (1, 2))
    objects = np.array([band.holds(image.true_sizes).sum() for image in kept], dtype=np.float64)
    return Pool(scores[order], code[order].astype(np.int64), hits, alarms, draws.per_group(objects))


def _outcomes(image: DetectedImage, rule: Rule, band: Band) -> tuple[Array, Flags, Flags]:
    """Scores (N,), hits and false alarms (T, N) of the surest hundred boxes of one image."""
    surest = np.argsort(-image.scores, kind="stable")[:MOST_PER_IMAGE]
    closeness, scores = rule.closeness(image)[surest], image.scores[surest]
    thresholds = np.asarray(rule.thresholds, dtype=np.float64)
    inside = band.holds(image.true_sizes)
    taken = match(closeness, scores, thresholds, ~inside)
    hits = np.zeros(taken.shape, dtype=bool)
    hits[taken != NONE] = inside[taken[taken != NONE]]
    alarms = taken == NONE
    if not rule.foreign:
        alarms &= band.holds(image.sizes[surest])
    if not rule.duplicates and closeness.shape[1]:
        alarms &= closeness.max(axis=1) < thresholds[:, None]
    return scores, hits, alarms

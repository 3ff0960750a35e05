"""All figures of a detector on a set of images, of each class and of all classes, and the chief ones by band of size."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from training.evaluate.detection.bands import EVERY_SIZE, Band
from training.evaluate.detection.draws import Draws, Measured
from training.evaluate.detection.froc import RATE_METRICS, sensitivities
from training.evaluate.detection.overlap import Closeness, box_overlap, mask_overlap
from training.evaluate.detection.pool import Rule, pool
from training.evaluate.detection.precision import average_precision
from training.evaluate.detection.ranking import highest_scores, holders, ranking_auc
from training.evaluate.detection.records import Array, DetectedImage
from training.evaluate.figures.bootstrap import RESAMPLES

THRESHOLDS = tuple(round(0.5 + 0.05 * n, 2) for n in range(10))
"""IoU 0.50, 0.55 … 0.95 of COCO's mean average precision."""

ALL_CLASSES = "mean of the classes"
ANY_CLASS = "any class"

Table = dict[str, dict[str, Measured]]
"""Subject to metric to figure."""

COCO = Rule(box_overlap, THRESHOLDS)
COCO_HALF = Rule(box_overlap, THRESHOLDS[:1])
COCO_MASKS = Rule(mask_overlap, THRESHOLDS)


def hit_rule(closeness: Closeness = box_overlap, threshold: float = 0.5, *, duplicates: bool = True) -> Rule:
    """The rule of an FROC: IoU of at least 0.5; for ``centre_inside`` or ``centre_near`` the threshold is 0."""
    return Rule(closeness, (threshold,), duplicates, foreign=True)


def detection_figures(
    images: Sequence[DetectedImage],
    classes: Mapping[int, str],
    *,
    froc: Rule | None = None,
    seed: int = 0,
    resamples: int = RESAMPLES,
) -> Table:
    """Average precision, FROC and image-level AUC with 95 % intervals by group.

    Parameters
    ----------
    images : as many as there are; those without objects count too. Masks are evaluated where every image has them.
    classes : label value to name.
    froc : what a hit of the FROC is; IoU of at least 0.5 by default.

    Returns
    -------
    Subjects are the classes, "mean of the classes" (of average precision, over the classes that have objects) and, of more than
    one class, "any class" (boxes of whatever class on objects of whatever class). Metrics: ``ap``, ``ap50``, ``ap75``, with
    masks ``mask_ap`` and so on; ``sensitivity_at_0.125`` … ``sensitivity_at_8`` false alarms an image, ``cpm`` their mean;
    ``image_auc``.
    """
    draws = Draws([image.group for image in images], seed=seed, resamples=resamples)
    rule = froc or hit_rule()
    masked = bool(images) and all(image.masks is not None for image in images)
    kinds = {"": COCO, **({"mask_": COCO_MASKS} if masked else {})}
    found: Table = {}
    precisions = {key: {n: _precisions(images, draws, coco, n) for n in classes} for key, coco in kinds.items()}
    for value, name in classes.items():
        rows = {key: each[value] for key, each in precisions.items()}
        found[name] = _precision_figures(rows, draws, name) | _froc_figures(images, draws, rule, value, name)
        found[name]["image_auc"] = ranking_auc(highest_scores(images, value), holders(images, value), draws)
    means = {key: _mean_defined(list(each.values())) for key, each in precisions.items()}
    found[ALL_CLASSES] = _precision_figures(means, draws, "any class")
    if len(classes) > 1:
        found[ANY_CLASS] = _froc_figures(images, draws, rule, None, "any class")
        found[ANY_CLASS]["image_auc"] = ranking_auc(highest_scores(images), holders(images), draws)
    return found


def figures_by_size(
    images: Sequence[DetectedImage],
    classes: Mapping[int, str],
    bands: Sequence[Band],
    *,
    seed: int = 0,
    resamples: int = RESAMPLES,
) -> dict[str, Table]:
    """Of the objects of each band by itself; by the band's name.

    Objects of another size, and the boxes on them, count neither way. A box on no object is a false alarm of an FROC whatever its
    own size, and of average precision where its own size is the band's, as in COCO.

    Returns
    -------
    Subjects are the classes, with ``ap50`` and the FROC's metrics, and of more than one class "any class", with the FROC's alone.
    """
    draws = Draws([image.group for image in images], seed=seed, resamples=resamples)
    found: dict[str, Table] = {band.name: {} for band in bands}
    for band in bands:
        for value, name in classes.items():
            what = f"{name}, {band.name}"
            precision = _precisions(images, draws, COCO_HALF, value, band)[0]
            found[band.name][name] = _froc_figures(images, draws, hit_rule(), value, what, band)
            found[band.name][name]["ap50"] = draws.measured(precision, f"the images hold no object of {what}")
        if len(classes) > 1:
            what = f"any class, {band.name}"
            found[band.name][ANY_CLASS] = _froc_figures(images, draws, hit_rule(), None, what, band)
    return found


def _precisions(images: Sequence[DetectedImage], draws: Draws, rule: Rule, label: int, band: Band = EVERY_SIZE) -> Array:
    """(T, 1 + R) average precisions of a class; NaN where there is no object."""
    gathered = pool(images, draws, rule, label, band)
    return np.stack([average_precision(gathered, n, draws.weights) for n in range(len(rule.thresholds))])


def _precision_figures(rows: Mapping[str, Array], draws: Draws, what: str) -> dict[str, Measured]:
    reason = f"the images hold no object of {what}"
    found = {}
    for key, values in rows.items():
        found[f"{key}ap"] = draws.measured(values.mean(axis=0), reason)
        for threshold in (0.5, 0.75):
            found[f"{key}ap{100 * threshold:.0f}"] = draws.measured(values[THRESHOLDS.index(threshold)], reason)
    return found


def _mean_defined(parts: list[Array]) -> Array:
    """The mean over the classes that have objects; NaN where none has."""
    table = np.stack(parts)
    known = (~np.isnan(table)).sum(axis=0)
    return np.asarray(np.where(known > 0, np.nansum(table, axis=0) / np.maximum(known, 1), np.nan))


def _froc_figures(
    images: Sequence[DetectedImage], draws: Draws, rule: Rule, label: int | None, what: str, band: Band = EVERY_SIZE
) -> dict[str, Measured]:
    gathered = pool(images, draws, rule, label, band)
    values = sensitivities(gathered, 0, draws.weights, draws.per_group(np.ones(len(images))))
    reason = f"the images hold no object of {what}"
    found = {metric: draws.measured(values[:, n], reason) for n, metric in enumerate(RATE_METRICS)}
    return found | {"cpm": draws.measured(values.mean(axis=1), reason)}

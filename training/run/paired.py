"""Differences between variants on the same cases, with intervals: groups of cases are drawn, alike for all variants and seeds."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from storage.base.errors import ConfigError
from training.evaluate.detected.rows import mask_rows_of, rows_of
from training.evaluate.figures.bootstrap import Figure, Indices, Resampler, Statistic
from training.evaluate.figures.ranking import auc
from training.evaluate.results import AS_IS

Document = Mapping[str, Any]
_OF_ALL = "Dice, mean of the labels"
_Statistics = Mapping[str, list[dict[str, Statistic]]]


@dataclass(frozen=True)
class Row:
    """One figure of one variant, the mean over its seeds.

    ``difference`` is from the reference, None for the reference itself and where the reference has no such figure.
    ``spread`` is the standard deviation over the seeds, None with one seed.
    """

    variant: str
    metric: str
    seeds: int
    figure: Figure
    spread: float | None
    difference: Figure | None


def compared(
    documents: Mapping[str, Sequence[Document]], against: str, groups: Mapping[str, str], seed: int, resamples: int
) -> list[Row]:
    """A row for each variant and figure: Dice of each label, or AUC of each and accuracy, or of objects AP50, sensitivity and the
    average precision of masks. The reference's figures come first, then those that only others have.

    Parameters
    ----------
    documents : variant to the ``metrics.json`` of each of its seeds.
    groups : person or examination by case name.
    """
    names = sorted(documents[against][0]["by_case"][AS_IS])
    for variant, runs in documents.items():
        if any(sorted(run["by_case"][AS_IS]) != names for run in runs):
            message = f"variant {variant} was measured on other cases than {against}; give all of them one data.split"
            raise ConfigError(message, code="cases-differ")
    resampler = Resampler([groups[name] for name in names], seed=seed, resamples=resamples)
    statistics = {variant: [_statistics(run, names) for run in runs] for variant, runs in documents.items()}
    return [
        _row(variant, metric, statistics, against, resampler, np.arange(len(names)))
        for metric in dict.fromkeys(metric for variant in (against, *documents) for metric in statistics[variant][0])
        for variant in documents
        if all(metric in one for one in statistics[variant])
    ]


def best_of(documents: Mapping[str, Sequence[Document]], candidates: Sequence[str]) -> str:
    """The candidate with the greatest figure, mean over its seeds: Dice over all labels, else the first that its task has."""

    def value(variant: str) -> float:
        runs = [_statistics(run, names := sorted(run["by_case"][AS_IS])) for run in documents[variant]]
        metric = _OF_ALL if _OF_ALL in runs[0] else next(iter(runs[0]))
        return _mean([run[metric] for run in runs])(np.arange(len(names)))

    return candidates[0] if len(candidates) == 1 else max(candidates, key=value)


def _row(variant: str, metric: str, statistics: _Statistics, against: str, resampler: Resampler, every: Indices) -> Row:
    ours = [one[metric] for one in statistics[variant]]
    theirs = [one[metric] for one in statistics[against] if metric in one]
    values = [one(every) for one in ours]
    compared = variant != against and len(theirs) == len(statistics[against])
    difference = resampler.difference(_mean(ours), _mean(theirs)) if compared else None
    spread = float(np.std(values, ddof=1)) if len(values) > 1 else None
    return Row(variant, metric, len(ours), resampler.figure(_mean(ours)), spread, difference)


def _mean(statistics: Sequence[Statistic]) -> Statistic:
    """The mean over the seeds of one variant."""
    return lambda indices: float(np.mean([one(indices) for one in statistics]))


def _statistics(run: Document, names: Sequence[str]) -> dict[str, Statistic]:
    cases = [run["by_case"][AS_IS][name] for name in names]
    if run["task"] == "detection":
        return _of_boxes(cases, run["labels"])
    if run["task"] == "classification":
        return _of_classes(cases, run["labels"])
    columns = {f"Dice, {label}": _column(cases, label) for label in run["labels"]}
    columns[_OF_ALL] = _mean_column(np.stack(list(columns.values())))
    masks: dict[str, Statistic] = {name: _mean_of(values) for name, values in columns.items()}
    classes = _of_classes(cases, run["classes"]) if run.get("classes") else {}
    boxes = _of_boxes(cases, run["labels"]) if all("found" in case for case in cases) else {}
    return masks | classes | boxes


def _column(cases: Sequence[Document], label: str) -> NDArray[np.float64]:
    values = (case.get(label, {}).get("dice") for case in cases)
    return np.array([np.nan if value is None else value for value in values], dtype=np.float64)


def _mean_column(columns: NDArray[np.float64]) -> NDArray[np.float64]:
    """The mean by case of the labels that have a figure; NaN for a case without any, such as an image that holds no label."""
    counts = (~np.isnan(columns)).sum(axis=0)
    return np.where(counts > 0, np.nansum(columns, axis=0) / np.maximum(counts, 1), np.nan)


def _mean_of(values: NDArray[np.float64]) -> Callable[[Indices], float]:
    """NaN where none of the cases has a value, as in a draw that misses the few that do."""

    def mean(indices: Indices) -> float:
        known = values[indices]
        known = known[~np.isnan(known)]
        return float(known.mean()) if known.size else float("nan")

    return mean


def _of_classes(cases: Sequence[Document], labels: Sequence[str]) -> dict[str, Statistic]:
    right = np.array([case["truth"] == case["predicted"] for case in cases], dtype=np.float64)
    found: dict[str, Statistic] = {"Accuracy": _mean_of(right)}
    for label in labels:
        scores = np.array([case["probabilities"][label] for case in cases])
        positive = np.array([case["truth"] == label for case in cases])
        found[f"AUC, {label}"] = _auc_of(scores, positive)
    return found


def _of_boxes(cases: Sequence[Document], labels: Sequence[str]) -> dict[str, Statistic]:
    found: dict[str, Statistic] = {}
    for label in labels:
        rows = rows_of(cases, label)
        found |= {f"AP50, {label}": rows.average_precision, f"Sensitivity at 1 false alarm an image, {label}": rows.sensitivity}
        if masks := [each.average_precision for each in mask_rows_of(cases, label)]:
            found |= {f"AP50 of masks, {label}": masks[0], f"AP of masks, mean over IoU 0.5 to 0.95, {label}": _mean(masks)}
    return found


def _auc_of(scores: NDArray[np.float64], positive: NDArray[np.bool_]) -> Statistic:
    return lambda indices: auc(scores[indices], positive[indices])

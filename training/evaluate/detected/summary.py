"""From the boxes found in all cases to an evaluation."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from inference.manifest import Manifest
from inference.pipeline.detect import rules_of
from training.evaluate.detected.rows import Rows, case_document, found_rows
from training.evaluate.detection.bands import even_bands
from training.evaluate.detection.draws import Draws
from training.evaluate.detection.figures import ANY_CLASS, Table, detection_figures, hit_rule
from training.evaluate.detection.froc import RATES, sensitivities
from training.evaluate.detection.pictures import mistakes
from training.evaluate.detection.pool import pool
from training.evaluate.detection.ranking import highest_scores, holders, ranking_auc
from training.evaluate.detection.records import DetectedImage
from training.evaluate.facts import Facts
from training.evaluate.figures.bootstrap import Figure, Resampler
from training.evaluate.figures.strata import subgroups
from training.evaluate.options import Options
from training.evaluate.page.charts import froc_chart
from training.evaluate.results import AS_IS, EVERYTHING, Comparison, Evaluation, Figures, Stratum, Subject

Images = Sequence[DetectedImage]

IN_BANDS = ("ap50", "sensitivity_at_1")
"""Figures that are also given by size and subgroup."""


def summarise_detection(
    subject: Subject,
    manifest: Manifest,
    cases: Sequence[Facts],
    ways: Mapping[str, Images],
    options: Options,
    simple: Mapping[str, Images],
    seconds: Sequence[float],
) -> Evaluation:
    """Figures of all ways; strata, comparisons and mistakes of the cases as they are.

    Parameters
    ----------
    simple : baselines by name, on the same cases.
    """
    found, names = ways[AS_IS], [label.name for label in manifest.labels]
    compared = [_compare(name, theirs, found, options) for name, theirs in simple.items()]
    missed, false = mistakes(found, hit_rule(), min(rules_of(manifest).thresholds))
    return Evaluation(
        subject=subject,
        figures={way: _figures(images, manifest, options) for way, images in ways.items()},
        cases={way: {image.name: case_document(image, names) for image in images} for way, images in ways.items()},
        strata=(*_bands(found, manifest, subject, options), *_subgroups(found, cases, options)),
        comparison=compared[0] if compared else None,
        further=tuple(compared[1:]),
        calibration=_thresholds(found, manifest),
        worst={
            kind: tuple(dict.fromkeys(found[row.image].name for row in rows))[: options.worst_cases]
            for kind, rows in (("missed", missed), ("false alarms", false))
        },
        seconds=tuple(seconds),
        charts={"FROC": _froc(found, manifest)},
    )


def _figures(images: Images, manifest: Manifest, options: Options) -> Figures:
    classes = {label.value: label.name for label in manifest.labels}
    table = detection_figures(images, classes, seed=options.seed, resamples=options.resamples)
    figures = {subject: _known(row) for subject, row in table.items()}
    if len(classes) > 1:
        figures[ANY_CLASS] |= _told_apart(images, classes, options)
    resampler = Resampler([image.group for image in images], seed=options.seed, resamples=options.resamples)
    for value, name in classes.items():
        at = found_rows(images, value).at(rules_of(manifest).thresholds[value - 1])
        figures[name] |= {metric: resampler.figure(statistic) for metric, statistic in at.items()}
    return {subject: row for subject, row in figures.items() if row}


def _known(row: Mapping[str, Any]) -> dict[str, Figure]:
    return {metric: each.figure for metric, each in row.items() if each.figure is not None}


def _told_apart(images: Images, classes: Mapping[int, str], options: Options) -> dict[str, Figure]:
    """AUC of telling objects' labels apart, of the images that hold objects of one label.

    Each label's score is how far its highest box lies above those of the others; with two labels one AUC says it all.
    """
    kept = [image for image in images if len(set(image.true_labels.tolist())) == 1]
    if not kept:
        return {}
    draws = Draws([image.group for image in kept], seed=options.seed, resamples=options.resamples)
    scores = np.stack([np.maximum(highest_scores(kept, value), 0.0) for value in classes])
    found = {}
    for row, (value, name) in enumerate(classes.items()):
        margin = scores[row] - np.delete(scores, row, axis=0).max(axis=0)
        found[f"told apart: {name}"] = ranking_auc(margin, holders(kept, value), draws)
    known = _known(found)
    first = next(iter(known.values()), None)
    return {"label_auc": first} if first is not None and len(classes) == 2 else known


def _bands(images: Images, manifest: Manifest, subject: Subject, options: Options) -> Iterator[Stratum]:
    if options.size_bands < 2:
        return
    dims = len(manifest.grid.patch)
    bands = even_bands(images, options.size_bands, "px²" if dims == 2 else "voxels")
    classes = {label.value: label.name for label in manifest.labels}
    table: Table = detection_figures(images, classes, bands=bands, seed=options.seed, resamples=options.resamples)
    for band in bands:
        for name in classes.values():
            for metric, figure in _known(table[f"{name}, {band.name}"]).items():
                if metric in IN_BANDS:
                    yield Stratum("size of the true box", band.name, name, metric, figure)


def _subgroups(images: Images, cases: Sequence[Facts], options: Options) -> Iterator[Stratum]:
    """Over boxes of any label on objects of any label."""
    for key, members in subgroups([case.traits for case in cases], options.subgroups).items():
        for value, indices in members.items():
            part = [images[place] for place in indices]
            resampler = Resampler([image.group for image in part], seed=options.seed, resamples=options.resamples)
            for metric, figure in _agnostic(found_rows(part), resampler).items():
                if not np.isnan(figure.value):
                    yield Stratum(key, value, EVERYTHING, metric, figure)


def _agnostic(rows: Rows, resampler: Resampler) -> dict[str, Figure]:
    return {"ap50": resampler.figure(rows.average_precision), "sensitivity_at_1": resampler.figure(rows.sensitivity)}


def _compare(name: str, theirs: Images, found: Images, options: Options) -> Comparison:
    resampler = Resampler([image.group for image in found], seed=options.seed, resamples=options.resamples)
    ours, simple = found_rows(found), found_rows(theirs)
    differences = {
        "ap50": resampler.difference(ours.average_precision, simple.average_precision),
        "sensitivity_at_1": resampler.difference(ours.sensitivity, simple.sensitivity),
    }
    figures = _agnostic(simple, resampler)
    return Comparison(name, {ANY_CLASS: figures}, {ANY_CLASS: differences})


def _thresholds(images: Images, manifest: Manifest) -> dict[str, Any]:
    """By label what the package's threshold makes of the cases as they are."""
    everything = np.arange(len(images))
    rows = []
    for label in manifest.labels:
        threshold = rules_of(manifest).thresholds[label.value - 1]
        at = {key: float(f(everything)) for key, f in found_rows(images, label.value).at(threshold).items()}
        told = {key: None if np.isnan(value) else round(value, 4) for key, value in at.items()}
        rows.append({"label": label.name, "threshold": threshold, **told})
    return {"findings": rows}


def _froc(images: Images, manifest: Manifest) -> str:
    """Sensitivity over false alarms an image, a line a label."""
    draws = Draws([image.group for image in images], resamples=0)
    every = draws.per_group(np.ones(len(images)))
    lines = {}
    for label in manifest.labels:
        row = sensitivities(pool(images, draws, hit_rule(), label.value), 0, draws.weights, every)[0]
        if not np.isnan(row).any():
            lines[label.name] = list(zip(RATES, row.tolist(), strict=True))
    return froc_chart(lines)

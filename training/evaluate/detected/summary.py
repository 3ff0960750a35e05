"""From the boxes found in all cases to an evaluation."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from inference.manifest import Manifest
from inference.pipeline.detect import rules_of
from training.evaluate.detected.rows import Rows, case_document, found_rows
from training.evaluate.detected.sizes import by_size, froc, froc_line, known
from training.evaluate.detection.draws import Draws
from training.evaluate.detection.figures import ANY_CLASS, detection_figures, hit_rule
from training.evaluate.detection.pictures import mistakes
from training.evaluate.detection.ranking import highest_scores, holders, ranking_auc
from training.evaluate.detection.records import DetectedImage
from training.evaluate.facts import Facts
from training.evaluate.figures.bootstrap import Figure, Resampler
from training.evaluate.figures.strata import subgroups
from training.evaluate.options import Options
from training.evaluate.results import AS_IS, EVERYTHING, Comparison, Evaluation, Figures, Stratum, Subject

Images = Sequence[DetectedImage]


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
    figures = {way: _figures(images, manifest, options) for way, images in ways.items()}
    lines = {name: froc_line(figures[AS_IS].get(name, {})) for name in names}
    sizes, charts = by_size(found, manifest, subject, options)
    return Evaluation(
        subject=subject,
        figures=figures,
        cases={way: {image.name: case_document(image, names) for image in images} for way, images in ways.items()},
        strata=(*sizes, *_subgroups(found, cases, options)),
        comparison=compared[0] if compared else None,
        further=tuple(compared[1:]),
        calibration=_thresholds(found, manifest),
        worst={
            kind: tuple(dict.fromkeys(found[row.image].name for row in rows))[: options.worst_cases]
            for kind, rows in (("missed", missed), ("false alarms", false))
        },
        seconds=tuple(seconds),
        charts=froc("FROC", lines) | charts,
    )


def _figures(images: Images, manifest: Manifest, options: Options) -> Figures:
    classes = {label.value: label.name for label in manifest.labels}
    table = detection_figures(images, classes, seed=options.seed, resamples=options.resamples)
    figures = {subject: known(row) for subject, row in table.items()}
    if len(classes) > 1:
        figures[ANY_CLASS] |= _told_apart(images, classes, options)
    resampler = Resampler([image.group for image in images], seed=options.seed, resamples=options.resamples)
    for value, name in classes.items():
        at = found_rows(images, value).at(rules_of(manifest).thresholds[value - 1])
        figures[name] |= {metric: resampler.figure(statistic) for metric, statistic in at.items()}
    return {subject: row for subject, row in figures.items() if row}


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
    told = known(found)
    first = next(iter(told.values()), None)
    return {"label_auc": first} if first is not None and len(classes) == 2 else told


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

"""From the probabilities of classified cases to an evaluation."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict
from typing import Any

import numpy as np

from inference.manifest import Manifest
from training.evaluate.classified import ClassifiedCases
from training.evaluate.figures.bootstrap import Resampler
from training.evaluate.figures.calibration import calibration_error, reliability
from training.evaluate.figures.classes import NONE, Classes, Probabilities, accuracy, confusion, macro_auc
from training.evaluate.figures.ranking import Roc, roc
from training.evaluate.figures.strata import subgroups
from training.evaluate.options import Options
from training.evaluate.page.charts import reliability_chart, roc_chart
from training.evaluate.results import AS_IS, EVERYTHING, Comparison, Evaluation, Figures, Stratum, Subject

Ways = Mapping[str, ClassifiedCases]


def summarise_classification(
    subject: Subject,
    manifest: Manifest,
    ways: Ways,
    options: Options,
    baseline: tuple[str, Probabilities] | None = None,
) -> Evaluation:
    """Figures of all ways; strata, comparison, calibration and confusion of the cases as they are.

    Parameters
    ----------
    baseline : its name and its probabilities on the same cases.
    """
    found = ways[AS_IS]
    names = class_names(subject.labels)
    return Evaluation(
        subject=subject,
        figures={way: _figures(rows, manifest, options) for way, rows in ways.items()},
        cases={way: rows.document(names) for way, rows in ways.items()},
        strata=tuple(_strata(found, manifest, options)),
        comparison=_compare(baseline[0], baseline[1], found, options) if baseline else None,
        calibration=_calibration(found, manifest),
        confusion=tuple(tuple(int(count) for count in row) for row in confusion(found.probabilities, found.truth)),
        worst={EVERYTHING: worst_classified(found)[: options.worst_cases]},
        seconds=tuple(found.seconds),
        charts=_charts(found, names),
    )


def class_names(labels: Sequence[str]) -> tuple[str, ...]:
    """Names by class index."""
    return (NONE, *labels)


def worst_classified(found: ClassifiedCases) -> tuple[str, ...]:
    """Names of the cases, those whose true class was thought least probable first."""
    return tuple(found.cases[place].name for place in np.argsort(-found.surprise(), kind="stable"))


def _resampler(found: ClassifiedCases, options: Options) -> Resampler:
    return Resampler([case.group for case in found.cases], seed=options.seed, resamples=options.resamples)


def _figures(found: ClassifiedCases, manifest: Manifest, options: Options) -> Figures:
    resampler = _resampler(found, options)
    thresholds = manifest.classification.thresholds if manifest.classification else ()
    figures = {EVERYTHING: {metric: resampler.figure(f) for metric, f in found.of_all().items()}}
    for label in manifest.labels:
        threshold = thresholds[label.value - 1] if thresholds else None
        statistics = found.of_class(label.value, threshold, options.specificity)
        figures[label.name] = {metric: resampler.figure(f) for metric, f in statistics.items()}
    return figures


def _strata(found: ClassifiedCases, manifest: Manifest, options: Options) -> Iterator[Stratum]:
    """Accuracy and, where a subgroup has several classes, AUC. A class by the source's own name says which of ours it is."""
    names = class_names([label.name for label in manifest.labels])
    for key, members in subgroups([case.traits for case in found.cases], options.subgroups).items():
        for value, indices in members.items():
            part = found.part(indices)
            resampler, statistics = _resampler(part, options), part.of_all()
            classes = np.unique(part.truth)
            told = f"{value} ({names[classes[0]]})" if key == "class" and classes.size == 1 else value
            for metric in ("accuracy", "auc") if classes.size > 1 else ("accuracy",):
                yield Stratum(key, told, EVERYTHING, metric, resampler.figure(statistics[metric]))


def _compare(name: str, theirs: Probabilities, found: ClassifiedCases, options: Options) -> Comparison:
    resampler, ours, truth = _resampler(found, options), found.probabilities, found.truth
    pairs = {"auc": macro_auc, "accuracy": accuracy}
    figures = {key: resampler.figure(lambda i, f=f: f(theirs[i], truth[i])) for key, f in pairs.items()}  # type: ignore[misc]
    differences = {
        key: resampler.figure(lambda i, f=f: f(ours[i], truth[i]) - f(theirs[i], truth[i]))  # type: ignore[misc]
        for key, f in pairs.items()
    }
    return Comparison(name, {EVERYTHING: figures}, {EVERYTHING: differences})


def _calibration(found: ClassifiedCases, manifest: Manifest) -> dict[str, Any]:
    """Calibration error without and with the package's temperature, which other cases gave."""
    truth = found.truth
    before = found.probabilities if found.untempered is None else found.untempered
    bins = reliability(found.probabilities, truth)
    return {
        "temperature": manifest.classification.temperature if manifest.classification else 1.0,
        "error_before": round(calibration_error(before, truth), 4),
        "error_after": round(calibration_error(found.probabilities, truth), 4),
        "thresholds": list(_calls(found, manifest)),
        "bins": [{key: round(value, 4) for key, value in asdict(row).items()} for row in bins],
    }


def _calls(found: ClassifiedCases, manifest: Manifest) -> Iterator[dict[str, Any]]:
    """By label what the package's threshold, which other cases gave, makes of the cases as they are."""
    for label in manifest.labels if manifest.classification else ():
        threshold = manifest.classification.thresholds[label.value - 1] if manifest.classification else 0.5
        called, positive = found.called(label.value, threshold), found.truth == label.value
        yield {
            "label": label.name,
            "threshold": threshold,
            "true_positive": int((called & positive).sum()),
            "false_negative": int((~called & positive).sum()),
            "false_positive": int((called & ~positive).sum()),
            "true_negative": int((~called & ~positive).sum()),
        }


def _charts(found: ClassifiedCases, names: Sequence[str]) -> dict[str, str]:
    shown = [1] if len(names) == 2 else range(len(names))
    curves = {names[value]: _roc(found.probabilities, found.truth, value) for value in shown}
    known = {name: curve for name, curve in curves.items() if curve}
    lines = {"as served": reliability(found.probabilities, found.truth)}
    if found.untempered is not None:
        lines["at temperature 1"] = reliability(found.untempered, found.truth)
    charts = {"Reliability": reliability_chart(lines)}
    return {"ROC": roc_chart(known), **charts} if known else charts


def _roc(probabilities: Probabilities, truth: Classes, value: int) -> Roc | None:
    return roc(probabilities[:, value], truth == value)

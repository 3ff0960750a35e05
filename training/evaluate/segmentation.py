"""From the values of segmented cases to an evaluation."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from training.evaluate.figures.agreement import Agreement, agreement
from training.evaluate.figures.bootstrap import Figure, Resampler
from training.evaluate.figures.sizes import unit_symbol
from training.evaluate.figures.strata import size_bands, subgroups
from training.evaluate.options import Options
from training.evaluate.page.charts import bland_altman_chart, spread_chart
from training.evaluate.results import AS_IS, MEAN_OF_LABELS, Comparison, Evaluation, Figures, Stratum, Subject
from training.evaluate.segmented import SegmentedCase, column

Ways = Mapping[str, list[SegmentedCase]]
_MEANS = ("dice", "surface_dice", "hd95", "mean_surface_distance", "size_error")


def summarise_segmentation(
    subject: Subject, ways: Ways, options: Options, baseline: tuple[str, list[SegmentedCase]] | None = None
) -> Evaluation:
    """Figures of all ways; strata, comparison and agreement of the cases as they are.

    Parameters
    ----------
    ways : "as is" and, where the model learnt mirrored, "mirrored"; the same cases in the same order.
    baseline : its name and its values on the same cases.
    """
    cases = ways[AS_IS]
    resampler = _resampler(cases, options)
    measures = {name: _pairs(cases, name) for name in cases[0].measures}
    found = {name: agreement(*pair) for name, pair in measures.items() if pair[0].size}
    return Evaluation(
        subject=subject,
        figures={way: _figures(rows, subject.labels, _resampler(rows, options)) for way, rows in ways.items()},
        cases={way: {row.facts.name: row.document() for row in rows} for way, rows in ways.items()},
        strata=tuple(_strata(cases, subject, options)),
        comparison=_compare(baseline[0], baseline[1], cases, subject.labels, resampler) if baseline else None,
        agreement=found,
        worst={label: worst_segmented(cases, label)[: options.worst_cases] for label in subject.labels},
        seconds=tuple(row.seconds for row in cases),
        charts=_charts(cases, subject, measures, found),
    )


def worst_segmented(cases: list[SegmentedCase], label: str) -> tuple[str, ...]:
    """Names of the cases by rising Dice; those without the label, that can't be ranked by it, are left out."""
    scores = column(cases, label, "dice")
    order = np.argsort(scores, kind="stable")
    return tuple(cases[place].facts.name for place in order if not np.isnan(scores[place]))


def _resampler(cases: Sequence[SegmentedCase], options: Options) -> Resampler:
    return Resampler([row.facts.group for row in cases], seed=options.seed, resamples=options.resamples)


def _figures(cases: list[SegmentedCase], labels: Sequence[str], resampler: Resampler) -> Figures:
    found: dict[str, dict[str, Figure]] = {}
    for label in labels:
        values = {metric: column(cases, label, metric) for metric in (*_MEANS, "size_error_percent", "false_alarm")}
        found[label] = {metric: resampler.mean(values[metric]) for metric in _MEANS}
        found[label]["dice_median"] = resampler.median(values["dice"])
        found[label]["absolute_size_error_percent"] = resampler.mean(np.abs(values["size_error_percent"]))
        if not np.isnan(values["false_alarm"]).all():
            found[label]["false_alarm_rate"] = resampler.mean(values["false_alarm"])
    if len(labels) > 1:
        found[MEAN_OF_LABELS] = {"dice": resampler.mean(mean_of_labels(cases, labels))}
    for name in cases[0].measures:
        found[name] = _measure_figures(cases, name, resampler)
    return found


def mean_of_labels(cases: list[SegmentedCase], labels: Sequence[str]) -> NDArray[np.float64]:
    """Each case's mean Dice over the labels that its truth holds; NaN where it holds none."""
    table = np.array([column(cases, label, "dice") for label in labels])
    held = (~np.isnan(table)).sum(axis=0)
    return np.asarray(np.where(held > 0, np.nansum(table, axis=0) / np.maximum(held, 1), np.nan), dtype=np.float64)


def _measure_figures(cases: list[SegmentedCase], name: str, resampler: Resampler) -> dict[str, Figure]:
    """Of the cases in which there was something to measure; the rate of the others beside it."""
    measured, true, on_mask = np.array([row.measures[name] for row in cases], dtype=np.float64).T
    differences = measured - true
    return {
        "difference": resampler.mean(differences),
        "absolute_difference": resampler.mean(np.abs(differences)),
        "median_absolute_difference": resampler.median(np.abs(differences)),
        "true_mask_difference": resampler.mean(on_mask - true),
        "unmeasured_rate": resampler.mean(np.isnan(differences).astype(np.float64)),
    }


def _pairs(cases: list[SegmentedCase], name: str) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    pairs = np.array([row.measures[name][:2] for row in cases], dtype=np.float64)
    known = pairs[~np.isnan(pairs).any(axis=1)]
    return known[:, 0], known[:, 1]


def _strata(cases: list[SegmentedCase], subject: Subject, options: Options) -> Iterator[Stratum]:
    """Dice of each label, and the measures' differences, by trait; Dice by band of the truth's size."""
    by_trait = subgroups([row.facts.traits for row in cases], options.subgroups)
    for key, members in by_trait.items():
        for value, indices in members.items():
            chosen = [cases[place] for place in indices]
            figures = _figures(chosen, subject.labels, _resampler(chosen, options))
            for name, row in figures.items():
                for metric in (m for m in ("dice", "absolute_difference", "false_alarm_rate") if m in row):
                    if row[metric].cases:
                        yield Stratum(key, value, name, metric, row[metric])
    for label in subject.labels if options.size_bands > 1 else ():
        sizes = np.array([row.sizes[label] for row in cases])
        for band, indices in size_bands(sizes, options.size_bands, unit_symbol(subject.size_unit)).items():
            chosen = [cases[place] for place in indices]
            figure = _resampler(chosen, options).mean(column(chosen, label, "dice"))
            yield Stratum(f"size of {label}", band, label, "dice", figure)


def _compare(
    name: str, theirs: list[SegmentedCase], ours: list[SegmentedCase], labels: Sequence[str], resampler: Resampler
) -> Comparison:
    pairs = {label: (column(ours, label, "dice"), column(theirs, label, "dice")) for label in labels}
    figures = {label: {"dice": resampler.mean(pair[1])} for label, pair in pairs.items()}
    differences = {label: {"dice": resampler.mean(pair[0] - pair[1])} for label, pair in pairs.items()}
    return Comparison(name, figures, differences)


def _charts(
    cases: list[SegmentedCase],
    subject: Subject,
    measures: Mapping[str, tuple[NDArray[np.float64], NDArray[np.float64]]],
    found: Mapping[str, Agreement],
) -> dict[str, str]:
    charts = {
        "Dice of every case": spread_chart("Dice of every case", "Dice", {n: column(cases, n, "dice") for n in subject.labels})
    }
    for name, agreed in found.items():
        charts[name] = bland_altman_chart(*measures[name], agreed, name, subject.length_unit)
    return {title: chart for title, chart in charts.items() if chart}

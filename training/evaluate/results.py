"""The outcome of an evaluation: figures with intervals, what they are made of, and their JSON."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from training.evaluate.cost import Cost
from training.evaluate.figures.agreement import Agreement
from training.evaluate.figures.bootstrap import Figure
from training.evaluate.pictures import Picture

AS_IS, MIRRORED, WITHOUT = "as is", "mirrored", "without "
"""Ways in which cases are measured; ``WITHOUT`` is followed by the name of the optional input that is left out."""

HELD = {"dice": "mean Dice", "auc": "AUC", "ap50": "AP50"}
"""Figures that a recipe's floor holds, by their keys; of several the first."""

EVERYTHING = "all classes"
MEAN_OF_LABELS = "mean of the labels"

Figures = Mapping[str, Mapping[str, Figure]]
"""Subject (a label, a measure, all of them) to metric to figure."""


@dataclass(frozen=True)
class Subject:
    """What was evaluated, and in which units: lengths "mm" or "px" (no pixel size known), sizes "mm3", "mm2" or "px2".

    ``classes``: of several tasks at once, those of the image as a whole, beside the ``labels`` of its masks.
    ``tolerance`` is that of surface Dice; ``specificity`` where sensitivity is read off the ROC, and the other way round.
    """

    task: str
    name: str
    version: str
    title: str
    digest: str
    labels: tuple[str, ...]
    parameters: int
    classes: tuple[str, ...] = ()
    length_unit: str = "mm"
    size_unit: str = "mm3"
    tolerance: float = 1.0
    specificity: float = 0.9


@dataclass(frozen=True)
class Stratum:
    """One figure of a part of the cases.

    ``key`` is a trait or ``size of LABEL``, ``value`` the subgroup or the band, which JSON calls ``part``.
    """

    key: str
    value: str
    subject: str
    metric: str
    figure: Figure


@dataclass(frozen=True)
class Comparison:
    """A simple baseline on the same cases: its figures, and the model's minus its (paired)."""

    name: str
    figures: Figures
    differences: Figures


@dataclass(frozen=True)
class Evaluation:
    """Figures of one package on one part of the data.

    Attributes
    ----------
    figures : way ("as is"; "mirrored" where the model learnt mirrored; "without NAME" for an optional input) to subject to
        metric.
    cases : way to case name to the case's own values, for JSON. Groups are left out: they may be persons.
    strata, comparison (``further``: with other baselines), calibration, confusion, agreement : of the cases as they are.
    worst : subject to case names, worst first.
    seconds : of each case as it is, prediction alone. cost : of the whole evaluation.
    charts : title to SVG text. pictures : of worst and median cases.
    """

    subject: Subject
    figures: Mapping[str, Figures]
    cases: Mapping[str, Mapping[str, Mapping[str, Any]]]
    strata: tuple[Stratum, ...] = ()
    comparison: Comparison | None = None
    further: tuple[Comparison, ...] = ()
    agreement: Mapping[str, Agreement] = field(default_factory=dict)
    calibration: Mapping[str, Any] = field(default_factory=dict)
    confusion: tuple[tuple[int, ...], ...] = ()
    worst: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    seconds: tuple[float, ...] = ()
    cost: Cost | None = None
    charts: Mapping[str, str] = field(default_factory=dict)
    pictures: tuple[Picture, ...] = ()

    def figure(self, subject: str, metric: str, way: str = AS_IS) -> Figure:
        """One figure; ``KeyError`` where there is none."""
        return self.figures[way][subject][metric]

    def below(self, floor: Mapping[str, float]) -> list[str]:
        """What misses the recipe's floor, in words: mean Dice of a label, AUC for a classifier; with every input that a case has.

        A figure that isn't defined (a label that no case holds) misses every floor.
        """
        whole = [way for way in self.figures if not way.startswith(WITHOUT)]
        found = {(way, label): self._held(label, way) for way in whole for label in floor}
        return [
            f"{label} {way}: {shown} {'not defined' if np.isnan(value) else round(value, 4)} is below {floor[label]}"
            for (way, label), (shown, value) in found.items()
            if not value >= floor[label]
        ]

    def _held(self, label: str, way: str) -> tuple[str, float]:
        """The figure that a floor holds: what it is called, and its value."""
        held = self.figures[way].get(label, {})
        metric = next((metric for metric in HELD if metric in held), "")
        return (HELD[metric], held[metric].value) if metric else ("its figure", float("nan"))

    def document(self) -> dict[str, Any]:
        """For JSON; the keys are stable, and the same weights and cases give the same document: no seconds, no pictures."""
        return {
            "format": 1,
            "task": self.subject.task,
            "model": {key: getattr(self.subject, key) for key in ("name", "version", "title", "digest", "parameters")},
            "labels": list(self.subject.labels),
            **({"classes": list(self.subject.classes)} if self.subject.classes else {}),
            "units": {"length": self.subject.length_unit, "size": self.subject.size_unit},
            "surface_tolerance": self.subject.tolerance,
            "stated_specificity": self.subject.specificity,
            "cases": len(self.cases[AS_IS]),
            "figures": {way: _document(subjects) for way, subjects in self.figures.items()},
            "strata": [
                {"key": row.key, "part": row.value, "subject": row.subject, "metric": row.metric, **row.figure.document()}
                for row in self.strata
            ],
            "baseline": _comparison(self.comparison),
            **({"further_baselines": [_comparison(one) for one in self.further]} if self.further else {}),
            "agreement": {name: found.document() for name, found in self.agreement.items()},
            "calibration": dict(self.calibration),
            "confusion": [list(row) for row in self.confusion],
            "worst": {subject: list(names) for subject, names in self.worst.items()},
            "by_case": {way: {name: dict(row) for name, row in rows.items()} for way, rows in self.cases.items()},
        }

    def ledger(self) -> dict[str, Any]:
        """What measuring cost, and the seconds that a case took; for JSON."""
        each = np.asarray(self.seconds)
        case = {"mean": float(each.mean()), "median": float(np.median(each)), "most": float(each.max())} if each.size else {}
        return {
            "parameters": self.subject.parameters,
            "seconds_per_case": {key: round(value, 4) for key, value in case.items()},
            "evaluation": self.cost.document() if self.cost else None,
        }


def _document(figures: Figures) -> dict[str, dict[str, Any]]:
    return {subject: {metric: figure.document() for metric, figure in row.items()} for subject, row in figures.items()}


def _comparison(found: Comparison | None) -> dict[str, Any] | None:
    if found is None:
        return None
    return {"name": found.name, "figures": _document(found.figures), "differences": _document(found.differences)}

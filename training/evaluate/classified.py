"""Values of classified cases: a row of probabilities each, and the figures that need them all."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from training.evaluate.facts import Facts
from training.evaluate.figures.bootstrap import Indices, Statistic
from training.evaluate.figures.calibration import calibration_error
from training.evaluate.figures.classes import Classes, Probabilities, accuracy, brier, class_auc, macro_auc
from training.evaluate.figures.ranking import Flags, Scores, sensitivity_at, specificity_at


@dataclass(frozen=True, eq=False)
class ClassifiedCases:
    """Cases in order, their probabilities (N, C), those at temperature 1 where the package has another, seconds of each case."""

    cases: Sequence[Facts]
    probabilities: Probabilities
    seconds: Sequence[float]
    untempered: Probabilities | None = None

    def part(self, indices: Indices) -> ClassifiedCases:
        """Some of the cases."""
        cases, seconds = [self.cases[place] for place in indices], [self.seconds[place] for place in indices]
        return ClassifiedCases(cases, self.probabilities[indices], seconds)

    @cached_property
    def truth(self) -> Classes:
        """(N,), 0 for none of the labels."""
        return np.array([true_class(case) for case in self.cases], dtype=np.int64)

    def document(self, names: Sequence[str]) -> dict[str, dict[str, Any]]:
        """By case name: truth, most probable class, probability of each class."""
        rows = zip(self.cases, self.truth, self.probabilities, strict=True)
        return {
            case.name: {
                "truth": names[truth],
                "predicted": names[int(row.argmax())],
                "probabilities": {name: round(float(p), 5) for name, p in zip(names, row, strict=True)},
            }
            for case, truth, row in rows
        }

    def surprise(self) -> Scores:
        """-log p of the true class, one per case: how wrong the model was, and how sure of it."""
        return np.asarray(-np.log(np.maximum(self.probabilities[np.arange(self.truth.size), self.truth], 1e-12)))

    def of_all(self) -> dict[str, Statistic]:
        """Figures of all classes together, as functions of the cases' indices."""
        p, t = self.probabilities, self.truth
        return {
            "auc": lambda i: macro_auc(p[i], t[i]),
            "accuracy": lambda i: accuracy(p[i], t[i]),
            "brier": lambda i: brier(p[i], t[i]),
            "calibration_error": lambda i: calibration_error(p[i], t[i]),
        }

    def called(self, value: int, threshold: float) -> Flags:
        """Which cases a class is called present in, as the node calls it."""
        return np.asarray(self.probabilities[:, value] >= threshold)

    def of_class(self, value: int, threshold: float | None, specificity: float) -> dict[str, Statistic]:
        """Figures of one class against the others.

        Parameters
        ----------
        threshold : of the package, chosen before these cases were seen; None gives no figures at it.
        specificity : where sensitivity is read off the ROC of these very cases, and the other way round.
        """
        p, t = self.probabilities, self.truth
        score, positive = p[:, value], t == value
        figures: dict[str, Statistic] = {
            "auc": lambda i: class_auc(p[i], t[i], value),
            "sensitivity_at_specificity": lambda i: sensitivity_at(score[i], positive[i], specificity),
            "specificity_at_sensitivity": lambda i: specificity_at(score[i], positive[i], specificity),
        }
        if threshold is not None:
            called = self.called(value, threshold)
            figures["accuracy_at_threshold"] = lambda i: float((called[i] == positive[i]).mean())
            figures["sensitivity"] = lambda i: _share(called[i], positive[i])
            figures["specificity"] = lambda i: _share(~called[i], ~positive[i])
        return figures


def true_class(case: Facts) -> int:
    """The class of a case that has one; asking another one is a mistake of the caller."""
    if case.class_index is None:
        raise ValueError(f"case {case.name} has no class")
    return case.class_index


def _share(found: Flags, among: Flags) -> float:
    return float(found[among].mean()) if among.any() else math.nan

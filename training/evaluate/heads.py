"""A package of several tasks under evaluation: each head is measured as a package of its task is, on the same cases."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from training.data.case import Case
from training.evaluate.facts import Facts
from training.evaluate.results import Comparison, Evaluation, Figures, Subject
from training.evaluate.work import Work


@dataclass
class HeadsWork:
    """The evaluations of all heads under way, the masks' first: ``take`` each case, then ``finish``."""

    subject: Subject
    works: Sequence[Work]

    @property
    def cases(self) -> list[Facts]:
        """Those that were taken."""
        return self.works[0].cases

    def take(self, case: Case) -> None:
        """Measure every head on a case."""
        for work in self.works:
            work.take(case)

    def finish(self) -> Evaluation:
        """The figures of all heads side by side."""
        return together(self.subject, [work.finish() for work in self.works])


def together(subject: Subject, found: Sequence[Evaluation]) -> Evaluation:
    """One evaluation out of those of several heads on the same cases.

    Masks and boxes share their labels, and have no figure in common; classes have names of their own.
    """
    compared = [each.comparison for each in found if each.comparison is not None]
    return Evaluation(
        subject=subject,
        figures={way: _side_by_side([each.figures[way] for each in found]) for way in found[0].figures},
        cases={
            way: {name: _merged([each.cases[way][name] for each in found]) for name in rows}
            for way, rows in found[0].cases.items()
        },
        strata=tuple(row for each in found for row in each.strata),
        comparison=_compared(compared) if compared else None,
        further=tuple(one for each in found for one in each.further),
        agreement=_merged([each.agreement for each in found]),
        calibration=_merged([each.calibration for each in found]),
        confusion=next((each.confusion for each in found if each.confusion), ()),
        worst=_merged([each.worst for each in found]),
        seconds=tuple(sum(parts) for parts in zip(*(each.seconds for each in found), strict=True)),
        charts=_merged([each.charts for each in found]),
        pictures=tuple(picture for each in found for picture in each.pictures),
    )


def _compared(found: Sequence[Comparison]) -> Comparison:
    return Comparison(
        "; ".join(each.name for each in found),
        _side_by_side([each.figures for each in found]),
        _side_by_side([each.differences for each in found]),
    )


def _merged(parts: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    return {key: value for part in parts for key, value in part.items()}


def _side_by_side(parts: Sequence[Figures]) -> Figures:
    """All figures of each subject."""
    subjects = dict.fromkeys(subject for part in parts for subject in part)
    return {subject: _merged([part[subject] for part in parts if subject in part]) for subject in subjects}

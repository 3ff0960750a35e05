"""Which cases are shown: the worst, and the median one so that the worst are seen in proportion."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from numpy.typing import NDArray

from training.data.case import Case
from training.evaluate.pictures import Picture, Snapshot, draw, take_snapshot


class Gallery:
    """Keeps one slice of every case until the ranking is known."""

    def __init__(self) -> None:
        self._kept: dict[str, Snapshot] = {}

    def add(self, case: Case, predicted_kji: NDArray[Any] | None = None) -> None:
        """Keep the slice of the case's largest error."""
        self._kept[case.name] = take_snapshot(case, predicted_kji)

    def pictures(self, ranked: Sequence[str], captions: Mapping[str, str], most: int, value: int | None = None) -> list[Picture]:
        """The ``most`` worst, then the median; none where ``most`` is 0.

        Parameters
        ----------
        ranked : case names, worst first.
        value : the label whose outlines are drawn.
        """
        if not ranked or most == 0:
            return []
        shown = [draw(self._kept[name], f"Worst {place}: {captions[name]}", value) for place, name in enumerate(ranked[:most], 1)]
        median = ranked[len(ranked) // 2]
        return shown if median in ranked[:most] else [*shown, draw(self._kept[median], f"Median: {captions[median]}", value)]

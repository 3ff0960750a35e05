"""Sensitivities of parts of the objects at the rates of an FROC, as one table a trait: a row a part, a column a rate."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from training.evaluate.detection.froc import RATE_METRICS
from training.evaluate.page.wording import interval, shown
from training.evaluate.results import Stratum

SHORT = "sensitivity_at_1"
"""The rate that the other tables tell too."""


def without_rates(strata: Sequence[Stratum]) -> Iterator[Stratum]:
    """What the tables of one figure a row hold: of the rates the one of a false alarm an image alone."""
    return (row for row in strata if row.metric == SHORT or row.metric not in RATE_METRICS)


def rate_tables(strata: Sequence[Stratum]) -> dict[str, dict[str, Any]]:
    """By trait its ``rates`` and ``rows``: part, subject, and at each rate value and interval; of traits with several rates."""
    found: dict[str, dict[tuple[str, str], dict[str, Stratum]]] = {}
    for row in strata:
        if row.metric in RATE_METRICS:
            found.setdefault(row.key, {}).setdefault((row.value, row.subject), {})[row.metric] = row
    return {
        key: {"rates": [f"{rate:g}" for rate in RATE_METRICS.values()], "rows": [_row(*told) for told in rows.items()]}
        for key, rows in found.items()
        if all(len(row) == len(RATE_METRICS) for row in rows.values())
    }


def _row(name: tuple[str, str], figures: dict[str, Stratum]) -> dict[str, Any]:
    cells = [(shown(metric, figures[metric].figure), interval(metric, figures[metric].figure)) for metric in RATE_METRICS]
    return {"part": name[0], "subject": name[1], "cells": cells}

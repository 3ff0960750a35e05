"""Fewer training cases than there are: whole groups in the order that a seed draws, alike in a trait."""

from __future__ import annotations

from collections.abc import Sequence

from storage.base.errors import ConfigError
from training.data.entry import Entry
from training.data.splits.order import groups_of, shuffled, strata
from training.recipe.data.split import Limit


def limited(entries: Sequence[Entry], limit: Limit, stratify: str = "") -> set[str]:
    """The names of at most ``limit.cases`` cases; exactly so many where groups of the right size are left.

    Every group has a place from 0 to 1 in its stratum's order; groups are taken by rising place as long as they fit. So of one
    seed the smaller choice of two is part of the larger one where every case is its own group.

    Parameters
    ----------
    entries : the training part.
    stratify : a trait whose shares the choice keeps; empty for none.

    Raises
    ------
    ConfigError
        Code ``data-invalid``: there are fewer cases, or no group is small enough.
    """
    if limit.cases > len(entries):
        raise ConfigError(
            f"data.limit.cases: {limit.cases} training cases are asked for, and there are {len(entries)}; ask for no more",
            code="data-invalid",
        )
    groups = groups_of(entries)
    places: list[tuple[float, str, str]] = []
    for name, stratum in strata(groups, stratify).items():
        total = sum(len(groups[group]) for group in stratum)
        done = 0
        for group in shuffled(stratum, limit.seed):
            places.append(((done + len(groups[group]) / 2) / total, name, group))
            done += len(groups[group])
    chosen: set[str] = set()
    for _, _, group in sorted(places):
        if len(chosen) + len(groups[group]) <= limit.cases:
            chosen |= {entry.name for entry in groups[group]}
    if not chosen:
        raise ConfigError(
            f"data.limit.cases: {limit.cases} is less than the smallest group of cases that stay together; ask for more",
            code="data-invalid",
        )
    return chosen

"""k folds: each group is validated in one fold and learnt in all others."""

from __future__ import annotations

from collections.abc import Sequence

from storage.base.errors import ConfigError
from training.data.entry import Entry
from training.data.splits.order import groups_of, shuffled, strata


def folded(entries: Sequence[Entry], k: int, seed: int, stratify: str = "") -> list[tuple[list[str], list[str]]]:
    """Names to train and names to validate, fold by fold, each sorted.

    Groups are dealt in the order that the seed draws, stratum by stratum, to the fold that holds the fewest of the stratum,
    then the fewest cases, then the first.

    Raises
    ------
    ConfigError
        Code ``data-invalid``: there are fewer groups than folds.
    """
    groups = groups_of(entries)
    if k < 2 or len(groups) < k:
        raise ConfigError(f"ensemble.folds: {k} folds can't be made of {len(groups)} groups; ask for 2 to {len(groups)}")
    folds: list[list[str]] = [[] for _ in range(k)]
    for stratum in strata(groups, stratify).values():
        held = [0] * k
        for group in shuffled(stratum, seed):
            fold = min(range(k), key=lambda index: (held[index], len(folds[index]), index))
            folds[fold] += [entry.name for entry in groups[group]]
            held[fold] += len(groups[group])
    every = {entry.name for entry in entries}
    return [(sorted(every - set(fold)), sorted(fold)) for fold in folds]

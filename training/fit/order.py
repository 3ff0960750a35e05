"""Chance without state: which case a slot of the run takes, and the generators that everything drawn comes from.

A slot is one sample of the whole run, counted from 0. What it holds follows from (seed, slot) alone, so a run can be taken up
at any step, by any number of processes, and keeps no generator's state.
"""

from __future__ import annotations

import hashlib
from collections.abc import Hashable, Sequence
from functools import lru_cache

import torch
from torch import Generator

from training.data import GridCase

_EPOCHS, SAMPLES, STEPS, _GROUPS, LOSSES = 1, 2, 3, 4, 5


def seeded(*parts: int) -> Generator:
    """A generator that depends on ``parts`` alone."""
    return Generator().manual_seed(number(*parts))


def number(*parts: int) -> int:
    """A number below 2**56 that depends on ``parts`` alone."""
    text = ",".join(str(part) for part in parts)
    return int.from_bytes(hashlib.sha256(text.encode()).digest()[:7])


def case_order(seed: int, epoch: int, count: int) -> list[int]:
    """The order of ``count`` cases in one epoch."""
    return list(_shuffled(count, seed, _EPOCHS, epoch))


@lru_cache(maxsize=64)
def _shuffled(count: int, *parts: int) -> tuple[int, ...]:
    return tuple(torch.randperm(count, generator=seeded(*parts)).tolist())


class CaseOrder:
    """Which case each slot takes: every case once an epoch, or every class equally often.

    Parameters
    ----------
    balance : classes take turns, and the cases of one are gone through in their own orders. A case with a class is of that class;
        one with a mask alone is of the set of labels in it.
    """

    def __init__(self, seed: int, cases: Sequence[GridCase], balance: bool) -> None:
        self._seed = seed
        groups: dict[Hashable, list[int]] = {}
        for index, case in enumerate(cases):
            groups.setdefault(_class_of(case) if balance else None, []).append(index)
        self._groups = [groups[key] for key in sorted(groups, key=repr)]

    def __getitem__(self, slot: int) -> int:
        """Index of the case that ``slot`` takes."""
        turn, which = divmod(slot, len(self._groups))
        group = self._groups[which]
        epoch, place = divmod(turn, len(group))
        parts = (_EPOCHS, epoch) if len(self._groups) == 1 else (_GROUPS, which, epoch)
        return group[_shuffled(len(group), self._seed, *parts)[place]]


def _class_of(case: GridCase) -> Hashable:
    return case.class_index if case.class_index is not None else tuple(torch.unique(case.mask).tolist())

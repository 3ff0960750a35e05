"""Which of the held-out cases a run validates on while it goes on."""

from __future__ import annotations

from collections.abc import Sequence

import torch

from training.data import GridCase
from training.fit.order import number, seeded


def chosen(cases: Sequence[GridCase], most: int, seed: int) -> list[GridCase]:
    """At most ``most`` of the cases, always the same ones, in their order."""
    if len(cases) <= most:
        return list(cases)
    drawn = torch.randperm(len(cases), generator=seeded(seed, number(5)))[:most].tolist()
    return [cases[index] for index in sorted(drawn)]

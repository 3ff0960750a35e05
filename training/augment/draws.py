"""Chance for one sample: a stream of its own for each purpose.

So switching one change off, as an ablation does, leaves what is drawn for the others as it was.
"""

from __future__ import annotations

from collections.abc import Sequence
from random import Random

import torch
from torch import Generator, Tensor

from training.recipe.parts.augment import Augment, Change

_PURPOSES = (
    "place", "mirror", "rotate", "scale", "crop", "elastic", "gamma", "contrast", "brightness", "hue", "saturation", "gain",
    "coarsen", "noise", "speckle", "lesions", "cutout", "focus",
)  # fmt: skip


class Stream:
    """Numbers for one purpose of one sample."""

    def __init__(self, seed: int) -> None:
        self._numbers = Random(seed)  # noqa: S311 - no secret, and ten times as fast as a tensor for each number

    def uniform(self, low: float, high: float) -> float:
        """A number between ``low`` and ``high``."""
        return low + (high - low) * self._numbers.random()

    def chance(self, share: float) -> bool:
        """True with probability ``share``."""
        return self.uniform(0, 1) < share

    def whole(self, low: int, high: int) -> int:
        """A whole number from ``low`` to ``high``, both included."""
        return low + int(self._numbers.random() * (high + 1 - low))

    def normal(self, shape: Sequence[int], device: torch.device | None = None) -> Tensor:
        """Standard normal numbers float32, drawn on ``device``: they differ between kinds of device."""
        device = device or torch.device("cpu")
        generator = Generator(device).manual_seed(self._numbers.getrandbits(62))
        return torch.randn(tuple(shape), generator=generator, device=device)


class Draws:
    """The streams of one sample, all of which follow from ``generator``, which is moved on by one draw."""

    def __init__(self, generator: Generator, rules: Augment) -> None:
        seeds = torch.randint(0, 2**62, (len(_PURPOSES),), generator=generator, device=generator.device).tolist()
        self._seeds = dict(zip(_PURPOSES, seeds, strict=True))
        self._rules = rules

    def of(self, purpose: str) -> Stream:
        """The stream for ``purpose``, from its beginning."""
        return Stream(self._seeds[purpose])

    def happens(self, change: Change) -> Stream | None:
        """The stream of a change, or None when it isn't made to this sample."""
        stream = self.of(change)
        share = self._rules.probability.get(change, 1.0)
        return stream if share >= 1 or stream.chance(share) else None

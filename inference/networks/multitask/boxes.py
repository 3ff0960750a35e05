"""The box head's keyword arguments, and the places that it speaks of."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any

from inference.networks.arguments import whole

STRIDES: dict[str, tuple[int, ...]] = {"large": (4, 8, 16, 32), "small": (1, 2, 4, 8)}
"""Pixels a cell of the encoder's four layers, by stem: ``resnet``'s, whose small stem keeps the first layer at full size."""


@dataclass(frozen=True)
class BoxHead:
    """How the box head is built.

    Attributes
    ----------
    pyramid : channels of each map of its feature pyramid. finest : the first of the encoder's four layers that it uses.
    convs : convolutions of each tower. anchor : the side in strides of a box that suits a level.
    """

    pyramid: int = 48
    finest: int = 2
    convs: int = 2
    anchor: float = 4.0

    @classmethod
    def of(cls, given: Any) -> BoxHead:
        """From the network's argument ``boxes``; ValueError names what is wrong with it."""
        known = [field.name for field in fields(cls)]
        if not isinstance(given, Mapping) or not set(given) <= set(known):
            raise ValueError(f"boxes must name {', '.join(known)} or less, not {given!r}")
        head = cls(**given)
        whole("boxes.pyramid", head.pyramid)
        whole("boxes.finest", head.finest, most=4)
        whole("boxes.convs", head.convs, most=8)
        if isinstance(head.anchor, bool) or not isinstance(head.anchor, (int, float)) or not 0 < head.anchor <= 64:
            raise ValueError(f"boxes.anchor must be a number above 0, up to 64, not {head.anchor!r}")
        return head

    def strides(self, stem: str) -> tuple[int, ...]:
        """Pixels a cell of each level."""
        return STRIDES[stem][self.finest - 1 :]

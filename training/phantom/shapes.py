"""Solid shapes as signed distances in millimetres: negative inside, positive outside, near enough to true at the surface.

A point is a triple of float32 arrays (x, y, z) of one shape in LPS millimetres. Absent on purpose: exact distances; only the
sign and the slope at the surface count, for partial volume.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

Field = NDArray[Any]
Point = tuple[Field, Field, Field]


class Shape(Protocol):
    """Anything with a signed distance."""

    def distance(self, point: Point) -> Field:
        """Signed distance in millimetres at every point."""


@dataclass(frozen=True)
class Ellipsoid:
    """Centre and radii in millimetres; ``turn_rad`` rotates it about the z axis."""

    centre: tuple[float, float, float]
    radii: tuple[float, float, float]
    turn_rad: float = 0.0

    def distance(self, point: Point) -> Field:
        dx, dy, dz = (place - c for place, c in zip(point, self.centre, strict=True))
        cos, sin = np.float32(np.cos(self.turn_rad)), np.float32(np.sin(self.turn_rad))
        u = (cos * dx + sin * dy) / self.radii[0]
        v = (cos * dy - sin * dx) / self.radii[1]
        w = dz / self.radii[2]
        reach = np.sqrt(u * u + v * v + w * w)
        slope = np.sqrt((u / self.radii[0]) ** 2 + (v / self.radii[1]) ** 2 + (w / self.radii[2]) ** 2)
        distance: Field = reach * (reach - 1) / np.maximum(slope, np.float32(1e-6))
        return distance


@dataclass(frozen=True)
class Column:
    """An endless elliptic column along z with half-axes ``radii`` in x and y; ``boxy`` 0 is an ellipse, 1 nearly a box."""

    centre: tuple[float, float]
    radii: tuple[float, float]
    boxy: float = 0.0

    def distance(self, point: Point) -> Field:
        u = ((point[0] - self.centre[0]) / self.radii[0]) ** 2
        v = ((point[1] - self.centre[1]) / self.radii[1]) ** 2
        reach = np.sqrt(u + v)
        if self.boxy:
            reach = reach + np.float32(self.boxy) * (np.sqrt(np.sqrt(u * u + v * v)) - reach)
        return (reach - 1) * np.float32(min(self.radii))


@dataclass(frozen=True)
class Tube:
    """A round tube of ``radius`` along straight pieces between ``knots``."""

    knots: tuple[tuple[float, float, float], ...]
    radius: float

    def distance(self, point: Point) -> Field:
        pieces = zip(self.knots, self.knots[1:], strict=False)
        nearest: Field = np.minimum.reduce([_to_segment(point, a, b) for a, b in pieces])
        return nearest - np.float32(self.radius)


def _to_segment(point: Point, start: Sequence[float], end: Sequence[float]) -> Field:
    along = [e - s for s, e in zip(start, end, strict=True)]
    offset = [place - s for place, s in zip(point, start, strict=True)]
    length = sum(a * a for a in along)
    share = np.clip(sum(o * a for o, a in zip(offset, along, strict=True)) / length, 0, 1)
    squares = [(o - share * np.float32(a)) ** 2 for o, a in zip(offset, along, strict=True)]
    nearest: Field = np.sqrt(squares[0] + squares[1] + squares[2])
    return nearest


@dataclass(frozen=True)
class Dome:
    """The diaphragm: everything above it. Two cupolas, the right one higher, falling off towards the body wall."""

    right_mm: float
    left_mm: float
    fall: float

    def distance(self, point: Point) -> Field:
        x, y, z = point
        side = 1 / (1 + np.exp(-x / 15))
        top = self.right_mm + (self.left_mm - self.right_mm) * side
        across = (np.abs(x) - 70) / 90
        depth = y / 100
        return (top - self.fall * (across * across + depth * depth) - z) * np.float32(0.8)


@dataclass(frozen=True)
class Box:
    """A box with these half-sizes."""

    centre: tuple[float, float, float]
    half: tuple[float, float, float]

    def distance(self, point: Point) -> Field:
        gaps = [np.abs(place - c) - np.float32(h) for place, c, h in zip(point, self.centre, self.half, strict=True)]
        distance: Field = np.maximum(np.maximum(gaps[0], gaps[1]), gaps[2])
        return distance


@dataclass(frozen=True)
class Both:
    """Where all parts overlap."""

    parts: tuple[Shape, ...]

    def distance(self, point: Point) -> Field:
        distance: Field = np.maximum.reduce([part.distance(point) for part in self.parts])
        return distance


@dataclass(frozen=True)
class Either:
    """Where any part is."""

    parts: tuple[Shape, ...]

    def distance(self, point: Point) -> Field:
        distance: Field = np.minimum.reduce([part.distance(point) for part in self.parts])
        return distance


@dataclass(frozen=True)
class Outside:
    """The complement, ``margin`` millimetres away from the part."""

    part: Shape
    margin: float = 0.0

    def distance(self, point: Point) -> Field:
        return np.float32(self.margin) - self.part.distance(point)


@dataclass(frozen=True)
class Rings:
    """Ribs: slanting rings, ``period`` apart and ``half`` thick, of a shell around ``column``, above ``floor_mm``."""

    column: Column
    period: float
    half: float
    slant: float
    floor_mm: float

    def distance(self, point: Point) -> Field:
        shell = np.abs(self.column.distance(point)) - np.float32(self.half)
        height = point[2] + self.slant * point[1]
        from_ring = np.abs((height % self.period) - self.period / 2) - np.float32(self.half)
        distance: Field = np.maximum(np.maximum(shell, from_ring), self.floor_mm - height).astype(np.float32)
        return distance

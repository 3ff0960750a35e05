"""What a phantom is made of: organs with shapes, densities and labels, all drawn from one seed.

The frame is LPS millimetres around a point between the chest and the belly. Sizes and places are those of a textbook adult,
in round numbers, varied at random; the organs are solids, not portraits.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.random import Generator

from training.phantom.shapes import Both, Box, Column, Dome, Either, Ellipsoid, Field, Outside, Rings, Shape, Tube

LABELS = ("Left lung", "Right lung", "Heart", "Liver", "Spleen", "Left kidney", "Right kidney", "Spine", "Aorta")
"""Label values count from 1 in this order."""

_BOXY = 0.3


@dataclass(frozen=True)
class Tissue:
    """A solid of one density. Later tissues replace earlier ones where they overlap.

    Attributes
    ----------
    label : its label value, 0 for what is not labelled, None to keep the label beneath.
    hu : mean density. texture_hu : size of its slow variation.
    z_mm : where to look for it, before deformation.
    """

    shape: Shape
    hu: float
    label: int | None
    texture_hu: float
    z_mm: tuple[float, float] = (-math.inf, math.inf)


class _Draw:
    """Numbers from the seed, in a fixed order."""

    def __init__(self, generator: Generator) -> None:
        self._generator = generator

    def near(self, middle: float, spread: float) -> float:
        return float(middle + spread * self._generator.uniform(-1, 1))

    def place(self, x: float, y: float, z: float, spread: float = 6.0) -> tuple[float, float, float]:
        return self.near(x, spread), self.near(y, spread), self.near(z, spread)

    def sizes(self, a: float, b: float, c: float, share: float = 0.12) -> tuple[float, float, float]:
        return a * self.near(1, share), b * self.near(1, share), c * self.near(1, share)


def draw_anatomy(generator: Generator) -> list[Tissue]:
    """The tissues of one phantom, in painting order."""
    draw = _Draw(generator)
    width, depth = draw.near(168, 14), draw.near(112, 12)
    fat = draw.near(17, 8)
    wall = Column((0, 0), (width - fat - 14, depth - fat - 12), _BOXY)
    dome = Dome(right_mm=draw.near(22, 8), left_mm=draw.near(6, 8), fall=draw.near(42, 8))
    contrast = draw.near(0.5, 0.5)
    return [
        *_trunk(draw, width, depth, fat, wall),
        *_bowel(draw, wall, dome),
        *_belly(draw, wall, dome, contrast),
        *_chest(draw, wall, dome, contrast),
        *_bones_and_aorta(draw, wall, contrast),
    ]


def _trunk(draw: _Draw, width: float, depth: float, fat: float, wall: Column) -> list[Tissue]:
    """Table, skin and fat, muscle, the fat of the cavity."""
    table = Box((0, depth + draw.near(14, 4), 0), (210, 5, 4000))
    muscle = Column((0, 0), (width - fat, depth - fat), _BOXY)
    return [
        Tissue(table, draw.near(-350, 100), 0, 0),
        Tissue(Column((0, 0), (width, depth), _BOXY), draw.near(-100, 10), 0, 8),
        Tissue(muscle, draw.near(52, 8), 0, 8),
        Tissue(wall, draw.near(-80, 15), 0, 15),
    ]


def _bowel(draw: _Draw, wall: Column, dome: Dome) -> list[Tissue]:
    """Stomach with its gas, and loops of bowel: never labelled, there to be told apart."""
    stomach = draw.place(58, -45, -38, 8)
    bowel: list[Tissue] = []
    for _ in range(14):
        centre = (draw.near(0, 95), draw.near(-30, 45), draw.near(-120, 60))
        loop = Both((Ellipsoid(centre, draw.sizes(24, 18, 20, 0.3), draw.near(0, 1.5)), wall, Outside(dome, 6)))
        hu = draw.near(25, 25) if draw.near(0, 1) > -0.7 else -700.0
        bowel.append(Tissue(loop, hu, 0, 15, (centre[2] - 30, centre[2] + 30)))
    body = Both((Ellipsoid(stomach, draw.sizes(42, 34, 45)), wall, Outside(dome, 5)))
    gas = Both((body, Ellipsoid((stomach[0], stomach[1] - 35, stomach[2]), (40, 24, 40))))
    reach = (stomach[2] - 65, stomach[2] + 65)
    return [*bowel, Tissue(body, draw.near(20, 15), 0, 15, reach), Tissue(gas, -900, 0, 0, reach)]


def _belly(draw: _Draw, wall: Column, dome: Dome, contrast: float) -> list[Tissue]:
    """Liver, spleen and kidneys, below the diaphragm."""
    inner = (wall, Outside(dome, draw.near(4, 1)))
    liver = Either(
        (
            Ellipsoid(draw.place(-72, -5, -45), draw.sizes(82, 82, 82), draw.near(0, 0.2)),
            Ellipsoid(draw.place(-5, -45, -22), draw.sizes(72, 40, 38), draw.near(0, 0.2)),
        )
    )
    spleen = Ellipsoid(draw.place(103, 40, -35), draw.sizes(30, 46, 52), draw.near(-0.3, 0.3))
    tissues = [
        Tissue(Both((liver, *inner)), 55 + 55 * contrast + draw.near(0, 8), 4, 10, (-155, 75)),
        Tissue(Both((spleen, *inner)), 48 + 70 * contrast + draw.near(0, 8), 5, 8, (-110, 40)),
    ]
    for side, label, drop in ((1, 6, 0.0), (-1, 7, 12.0)):
        centre = draw.place(side * 60, 52, -105 - drop)
        kidney = Ellipsoid(centre, draw.sizes(28, 25, 54), draw.near(side * 0.4, 0.3))
        pelvis = Ellipsoid((centre[0] - side * 14, centre[1] - 3, centre[2]), draw.sizes(13, 9, 22))
        reach = (centre[2] - 75, centre[2] + 75)
        tissues.append(Tissue(kidney, 33 + 140 * contrast + draw.near(0, 8), label, 10, reach))
        tissues.append(Tissue(Both((kidney, pelvis)), draw.near(0, 30), None, 8, reach))
    return tissues


def _chest(draw: _Draw, wall: Column, dome: Dome, contrast: float) -> list[Tissue]:
    """Mediastinum, lungs with vessels, heart; above the diaphragm."""
    tissues = [Tissue(Both((wall, dome)), draw.near(-20, 30), 0, 20, (-60, math.inf))]
    for side, label in ((1, 1), (-1, 2)):
        lobe = Ellipsoid(draw.place(side * 82, 5, 60), draw.sizes(66, 98, 150, 0.08))
        lung = Both((lobe, wall, dome, Outside(Column((0, 10), (draw.near(24, 4), 90)))))
        tissues.append(Tissue(lung, draw.near(-840, 40), label, 30, (-60, 230)))
        for _ in range(12):
            hilum = (side * 35.0, 10.0, 55.0)
            tip = (side * draw.near(95, 35), draw.near(5, 75), draw.near(70, 85))
            vessel = Both((Tube((hilum, tip), draw.near(2.6, 1.2)), lung))
            tissues.append(Tissue(vessel, 35 + 120 * contrast, None, 0, (min(hilum[2], tip[2]) - 15, max(hilum[2], tip[2]) + 15)))
    heart = Ellipsoid(draw.place(24, -32, 48), draw.sizes(50, 44, 48), draw.near(0.5, 0.3))
    tissues.append(Tissue(Both((heart, wall, dome)), 42 + 110 * contrast + draw.near(0, 8), 3, 12, (-40, 115)))
    return tissues


def _bones_and_aorta(draw: _Draw, wall: Column, contrast: float) -> list[Tissue]:
    """Aorta with its arch, vertebral column with discs and canal, ribs."""
    root, down = draw.place(-2, -12, 78, 4), draw.place(20, 42, 120, 4)
    top = draw.near(138, 8)
    knots = (root, (root[0], root[1], top - 12), ((root[0] + down[0]) / 2, 15.0, top), (down[0], down[1], top - 12))
    aorta = Tube((*knots, (down[0] - 4, down[1] + 4, 0.0), (draw.near(8, 4), draw.near(40, 3), -400.0)), draw.near(12.5, 2))
    centre = (0.0, draw.near(72, 3))
    body = Column(centre, (draw.near(22, 2), draw.near(17, 2)))
    arch = Box((0, centre[1] + 24, 0), (draw.near(20, 3), 7, 4000))
    spike = Box((0, centre[1] + 34, 0), (4, 14, 4000))
    canal = Column((0, centre[1] + 21), (9, 7.5))
    spine = Both((Either((body, arch, spike)), Outside(canal)))
    discs = Rings(body, draw.near(32, 3), 24, 0.05, -4000)
    thin = Both((spine, body, Outside(discs)))
    bone = draw.near(230, 60)
    ribs = Both(
        (Rings(Column((0, 0), (wall.radii[0] + 5, wall.radii[1] + 5), _BOXY), draw.near(30, 3), 4.5, 0.35, -70), Outside(body, 8))
    )
    return [
        Tissue(ribs, draw.near(300, 60), 0, 20),
        Tissue(aorta, 42 + 160 * contrast + draw.near(0, 8), 9, 6),
        Tissue(spine, bone, 8, 30),
        Tissue(thin, bone * 0.5, None, 10),
        Tissue(canal, 30, 0, 5),
    ]


def draw_bend(generator: Generator, nodes_kji: tuple[int, int, int], strength_mm: float = 7.0) -> Field:
    """A smooth displacement (3, k, j, i) in LPS millimetres at coarse nodes: a few slow waves."""
    place = np.stack(np.meshgrid(*[np.linspace(0, 1, n) for n in nodes_kji], indexing="ij"))
    field = np.zeros((3, *nodes_kji), dtype=np.float64)
    for axis in range(3):
        for _ in range(4):
            wave = generator.uniform(0.4, 1.3, size=3) * generator.choice([-1, 1], size=3)
            phase = generator.uniform(0, 2 * math.pi)
            field[axis] += generator.normal(0, strength_mm / 2.5) * np.sin(2 * math.pi * np.tensordot(wave, place, 1) + phase)
    return field.astype(np.float32)

"""A fetal head in ultrasound: an elliptic skull in amniotic fluid, brightest where the beam meets it squarely."""

from __future__ import annotations

import numpy as np
from numpy.random import Generator

from training.phantom.echoes import as_grey, sector, shadows, unevenness
from training.phantom.ellipses import Ellipse
from training.phantom.picture import Picture
from training.phantom.shapes import Field


def draw_fetal_head(generator: Generator, size: tuple[int, int], class_index: int | None = None) -> Picture:
    """Mask: all within the skull's outer edge. Truth: ``circumference_mm`` of that edge, in closed form. No classes."""
    head = _head(generator, size)
    spacing = float(np.round(generator.uniform(140, 320) / head.circumference, 6))
    distance = head.distance(size)
    skull = _skull(generator, head, distance)
    echo = _surroundings(generator, head, size)
    echo = np.where(distance < 0, _brain(generator, head, size), echo)
    echo = (echo + skull) * shadows(skull, 0.035)
    reached = sector(generator, size)
    pixels = np.where(reached, as_grey(generator, echo), 0).astype(np.uint8)
    mask = (distance <= 0).astype(np.uint8)
    return Picture(pixels, mask, None, spacing, {"circumference_mm": head.circumference * spacing})


def _head(generator: Generator, size: tuple[int, int]) -> Ellipse:
    """Wholly within the picture, its width 0.72 to 0.86 of its length as heads have it."""
    long = min(size) * generator.uniform(0.3, 0.44)
    half = (long, long * generator.uniform(0.72, 0.86))
    room = [max(0.0, share * n / 2 - long - 2) for n, share in zip(size, (1.0, 0.8), strict=True)]
    centre = [(n - 1) / 2 + generator.uniform(-r, r) for n, r in zip(size, room, strict=True)]
    return Ellipse((centre[0], centre[1]), half, generator.uniform(-0.7, 0.7))


def _skull(generator: Generator, head: Ellipse, distance: Field) -> Field:
    """A bright shell on the inner side of the outline, with gaps, weak where it runs along the beam."""
    size = (distance.shape[0], distance.shape[1])
    thick = max(1.5, 0.035 * max(head.half)) * generator.uniform(0.8, 1.3)
    shell = np.exp(-(((distance + thick) / thick) ** 2))
    along_columns = np.abs(np.gradient(distance, axis=0))
    gaps = np.clip(unevenness(generator, size, 0.12 * max(head.half), 0.5), 0.2, 1.6)
    skull: Field = shell * (0.03 + along_columns**2.5) * gaps * generator.uniform(2.0, 3.5)
    return skull


def _brain(generator: Generator, head: Ellipse, size: tuple[int, int]) -> Field:
    """Faint tissue with a bright midline along the head's length."""
    u, v = head.along(size)
    midline = np.exp(-((v / 1.6) ** 2)) * (np.abs(u) < 0.75 * head.half[0])
    folds = unevenness(generator, size, 0.09 * max(head.half), 0.6)
    brain: Field = 0.09 * folds * generator.uniform(0.6, 1.5) + 0.5 * midline * generator.uniform(0.3, 1.0)
    return brain


def _surroundings(generator: Generator, head: Ellipse, size: tuple[int, int]) -> Field:
    """Fluid around the head, then the womb's wall, nearer on one side."""
    fluid = Ellipse(
        (
            head.centre[0] + generator.uniform(-0.3, 0.3) * head.half[1],
            head.centre[1] + generator.uniform(-0.4, 0.4) * head.half[0],
        ),
        (head.half[0] * generator.uniform(1.15, 1.7), head.half[0] * generator.uniform(0.95, 1.35)),
        head.angle + generator.uniform(-0.4, 0.4),
    )
    depth = fluid.distance(size) + 0.06 * head.half[0] * (unevenness(generator, size, 0.15 * head.half[0], 1.0) - 1)
    wall = 1 / (1 + np.exp(-depth / 2.5))
    tissue = unevenness(generator, size, (4.0, 14.0), 0.35) * generator.uniform(0.08, 0.3)
    around: Field = 0.012 + wall * tissue
    return around

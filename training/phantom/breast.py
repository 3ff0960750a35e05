"""A breast in ultrasound: skin, fat and gland in layers, with a benign lesion, a malignant one, or none."""

from __future__ import annotations

import math

import numpy as np
from numpy.random import Generator

from training.phantom.echoes import as_grey, shadows, unevenness
from training.phantom.picture import Picture
from training.phantom.shapes import Field

_NORMAL, _BENIGN, _MALIGNANT = 0, 1, 2


def draw_breast(generator: Generator, size: tuple[int, int], class_index: int | None = None) -> Picture:
    """Mask: the lesion. Classes: 0 normal, 1 benign (smooth, wider than deep, bright below it), 2 malignant (jagged, shadow
    below it).
    """
    drawn = int(generator.choice(3, p=(0.2, 0.5, 0.3)))
    kind = drawn if class_index is None else class_index
    echo = _layers(generator, size)
    mask = np.zeros(size, dtype=np.uint8)
    if kind != _NORMAL:
        distance = _outline(generator, size, kind)
        mask = (distance <= 0).astype(np.uint8)
        soft = 1 / (1 + np.exp(distance / (0.8 if kind == _BENIGN else 2.0)))
        dark = generator.uniform(0.02, 0.06) * unevenness(generator, size, 3.0, 0.3)
        echo = echo * (1 - soft) + dark * soft
        depth = max(1, int(mask.any(axis=1).sum()))
        echo = echo * shadows(soft, (-0.6 if kind == _BENIGN else 1.6) / depth)
    spacing = float(np.round(40 / size[0], 6))
    return Picture(as_grey(generator, echo), mask, kind, spacing)


def _layers(generator: Generator, size: tuple[int, int]) -> Field:
    """Bright skin, dark fat with septa, streaky bright gland, muscle; each border wavy."""
    depth = np.broadcast_to(np.linspace(0, 1, size[0])[:, None], size)
    wave = 0.03 * np.log(unevenness(generator, (1, size[1]), (0.0, size[1] / 12), 1.0))
    depth = depth + wave
    streaks = unevenness(generator, size, (1.3, 9.0), 0.55)
    fat = 0.13 * unevenness(generator, size, (3.0, 8.0), 0.45)
    gland = generator.uniform(0.25, 0.45) * streaks
    muscle = 0.12 * unevenness(generator, size, (1.2, 20.0), 0.5)
    below_fat, below_gland = generator.uniform(0.18, 0.32), generator.uniform(0.68, 0.85)
    echo = np.where(depth < below_fat, fat, np.where(depth < below_gland, gland, muscle))
    echo = np.where(depth < 0.04, 1.2, echo)
    faded: Field = echo * np.exp(-0.8 * np.clip(depth, 0, 1.2))
    return faded


def _outline(generator: Generator, size: tuple[int, int], kind: int) -> Field:
    """Signed distance (J, I) in pixels, about, to a closed curve around a drawn centre."""
    rows, columns = np.indices(size, dtype=np.float64)
    long = min(size) * generator.uniform(0.1, 0.24)
    flat = generator.uniform(0.5, 0.75) if kind == _BENIGN else generator.uniform(0.75, 1.15)
    centre = [size[0] * generator.uniform(0.38, 0.6), size[1] * generator.uniform(0.3, 0.7)]
    down, right = (rows - centre[0]) / flat, columns - centre[1]
    angle = np.arctan2(down, right)
    strength = 0.03 if kind == _BENIGN else 0.1
    waves = range(2, 5) if kind == _BENIGN else range(3, 14)
    bumps = sum(
        strength * generator.normal() / math.sqrt(n / waves[0]) * np.cos(n * angle + generator.uniform(0, 2 * math.pi))
        for n in waves
    )
    distance: Field = (np.hypot(down, right) - long * (1 + bumps)) * min(1.0, flat)
    return distance

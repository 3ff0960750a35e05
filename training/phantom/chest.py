"""A chest film, small: two lungs with ribs, heart and diaphragm, with an opacity in a lung or without."""

from __future__ import annotations

import numpy as np
from numpy.random import Generator
from scipy import ndimage

from training.phantom.echoes import unevenness
from training.phantom.ellipses import Ellipse
from training.phantom.picture import Picture
from training.phantom.shapes import Field


def draw_chest(generator: Generator, size: tuple[int, int], class_index: int | None = None) -> Picture:
    """Mask: the opacities. Classes: 0 clear, 1 with one to three opacities."""
    drawn = int(generator.uniform() < 0.5)
    kind = drawn if class_index is None else class_index
    tall, wide = size
    lungs = _lungs(generator, tall, wide)
    air = np.max([_cover(lung, size, 0.03 * tall) for lung in lungs], axis=0)
    air = air * _above_diaphragm(generator, size)
    opacity = _opacities(generator, lungs, size) * air if kind else np.zeros(size)
    bright = 0.78 - 0.5 * air * (1 - 0.75 * opacity)
    bright = bright + 0.07 * _ribs(generator, size) * (0.4 + 0.6 * air)
    heart = Ellipse((0.64 * tall, generator.uniform(0.54, 0.58) * wide), (0.24 * wide, 0.16 * tall), generator.uniform(0.4, 0.8))
    bright = np.maximum(bright, 0.68 * _cover(heart, size, 0.03 * tall))
    columns = np.linspace(-1, 1, wide)[None, :]
    bright = bright + 0.1 * np.exp(-((columns / 0.12) ** 2)) - 0.25 * np.clip(np.abs(columns) - 0.85, 0, 1)
    bright = bright * unevenness(generator, size, tall / 3, 0.05) * generator.uniform(0.8, 1.1)
    noise = ndimage.gaussian_filter(generator.standard_normal(size), 0.6) * 0.02
    pixels = np.round(255 * np.clip(bright + noise, 0, 1)).astype(np.uint8)
    mask = (opacity >= 0.5).astype(np.uint8)
    return Picture(pixels, mask, kind, float(np.round(350 / tall, 6)))


def _lungs(generator: Generator, tall: int, wide: int) -> list[Ellipse]:
    def lung(side: float) -> Ellipse:
        centre = (generator.uniform(0.42, 0.5) * tall, (0.5 + side * generator.uniform(0.22, 0.26)) * wide)
        half = (generator.uniform(0.36, 0.44) * tall, generator.uniform(0.15, 0.19) * wide)
        return Ellipse(centre, half, np.pi / 2 + side * generator.uniform(0.05, 0.2))

    return [lung(-1), lung(1)]


def _cover(ellipse: Ellipse, size: tuple[int, int], soft: float) -> Field:
    cover: Field = 1 / (1 + np.exp(np.clip(ellipse.distance(size) / soft, -40, 40)))
    return cover


def _above_diaphragm(generator: Generator, size: tuple[int, int]) -> Field:
    rows, columns = np.indices(size, dtype=np.float64)
    across = columns / size[1]
    height = 0.78 + generator.uniform(-0.05, 0.05) + 0.03 * (across > 0.5) - 0.09 * np.sin(2 * np.pi * across) ** 2
    above: Field = 1 / (1 + np.exp((rows / size[0] - height) * 50))
    return above


def _ribs(generator: Generator, size: tuple[int, int]) -> Field:
    rows, columns = np.indices(size, dtype=np.float64)
    out = np.abs(columns / size[1] - 0.5)
    phase = generator.uniform(0, 2 * np.pi)
    ribs: Field = np.clip(np.sin(2 * np.pi * (rows / size[0] + 1.3 * (out - 0.2) ** 2) * generator.uniform(7, 9) + phase), 0, 1)
    return ribs * (out > 0.08)


def _opacities(generator: Generator, lungs: list[Ellipse], size: tuple[int, int]) -> Field:
    """Cloudy patches within the lungs, 0 to 1."""
    tall, wide = size
    whole = np.zeros(size)
    for _ in range(int(generator.integers(1, 4))):
        lung = lungs[int(generator.integers(2))]
        centre = (
            lung.centre[0] + generator.uniform(-0.5, 0.6) * lung.half[0],
            lung.centre[1] + generator.uniform(-0.4, 0.4) * lung.half[1],
        )
        half = (generator.uniform(0.08, 0.2) * tall, generator.uniform(0.08, 0.16) * wide)
        cloud = _cover(Ellipse(centre, half, generator.uniform(0, np.pi)), size, 0.05 * tall)
        whole = np.maximum(whole, np.clip(cloud * unevenness(generator, size, tall / 14, 0.25), 0, 1))
    return whole

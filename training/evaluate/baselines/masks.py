"""A simple baseline for masks: on a coarse grid, either the same mask for every case (where most training masks lie), or the
largest dark or bright blob near there, whichever does best on the training part.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from itertools import product
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from storage.base.errors import ConfigError
from training.data.case import Case
from training.evaluate.figures.dice import dice

_PRIORS = (0.1, 0.2, 0.3, 0.4, 0.5, 0.6)
_PERCENTILES = (5.0, 10.0, 20.0, 30.0, 40.0)
_SMOOTH = 1.0
MOST_CASES = 400
_MOST_SCORED = 60

Array = NDArray[np.float64]


@dataclass(frozen=True)
class _Rule:
    """How one label is marked on the coarse grid: where ``prior`` is above ``least``; of that, by ``sign`` 1 or -1, the largest
    blob above the ``percentile`` of bright or dark voxels; all of it by 0."""

    prior: Array
    least: float
    sign: int = 0
    percentile: float = 0.0

    def mark(self, image: Array) -> NDArray[np.bool_]:
        """The mask (k, j, i) of a coarse image."""
        here = self.prior > self.least
        if self.sign == 0 or not here.any():
            return here
        signed = self.sign * image
        parts, count = ndimage.label(here & (signed >= np.percentile(signed, 100 - self.percentile)))
        sizes = np.bincount(parts.ravel(), minlength=count + 1)
        sizes[0] = 0
        return np.asarray(parts == sizes.argmax(), dtype=bool) if count else here & False

    def words(self) -> str:
        """For people."""
        where = f"where more than {100 * self.least:g} % of the training masks lie"
        kind = {0: "everything", 1: f"the largest blob of the {self.percentile:g} % brightest"}
        return f"{kind.get(self.sign, f'the largest blob of the {self.percentile:g} % darkest')} {where}"


@dataclass(frozen=True)
class MaskBaseline:
    """One rule per label value, from 1."""

    name: str
    rules: tuple[_Rule, ...]

    def labels(self, case: Case) -> NDArray[np.uint8]:
        """Label map (K, J, I) on the case's own grid."""
        image = _coarse_image(case)
        found = np.zeros(image.shape, dtype=np.uint8)
        sure = np.zeros(image.shape)
        for value, rule in enumerate(self.rules, start=1):
            chosen = rule.mark(image) & (rule.prior > sure)
            found[chosen] = value
            sure[chosen] = rule.prior[chosen]
        return _sampled(found, case.voxels_ckji.shape[1:])


def fit_masks(classes: int, cases: Iterable[Case]) -> MaskBaseline:
    """The best rule for each label on these cases, which have masks; of more than 400 on a sample of them, the same each time."""
    pairs = _sample(cases)
    if not pairs:
        raise ConfigError("the training part holds no cases; check data.split and --data", code="no-data")
    rules = tuple(_best_rule(pairs, value) for value in range(1, classes))
    told = "; ".join(f"label {value}: {rule.words()}" for value, rule in enumerate(rules, start=1))
    return MaskBaseline(f"rule by place and intensity ({told})", rules)


def _sample(cases: Iterable[Case]) -> list[tuple[Array, NDArray[np.uint8]]]:
    """Coarse images and masks of at most 400 cases, each as likely as any other (reservoir sampling), in a drawn order."""
    random = np.random.default_rng(0)
    kept: list[tuple[Array, NDArray[np.uint8]]] = []
    for number, case in enumerate(cases):
        place = number if number < MOST_CASES else int(random.integers(0, number + 1))
        if place >= MOST_CASES:
            continue
        kept[place : place + 1] = [(_coarse_image(case), _sampled(case.mask_kji, _coarse_shape(case)))]
    return [kept[place] for place in random.permutation(len(kept))]


def _best_rule(pairs: list[tuple[Array, NDArray[np.uint8]]], value: int) -> _Rule:
    prior = np.mean([labels == value for _, labels in pairs], axis=0)
    holders = [pair for pair in pairs if (pair[1] == value).any()][:_MOST_SCORED]
    constant = [_Rule(prior, least) for least in _PRIORS]
    blobs = [_Rule(prior, least, sign, share) for least, sign, share in product(_PRIORS[:3], (-1, 1), _PERCENTILES)]

    def score(rule: _Rule) -> float:
        found = [dice(rule.mark(image).astype(np.uint8), labels == value, 1) for image, labels in holders]
        return float(np.mean(found)) if found else 0.0

    return max([*constant, *blobs], key=score)


def _coarse_shape(case: Case) -> tuple[int, int, int]:
    return (1, 64, 64) if case.voxels_ckji.shape[1] == 1 else (24, 32, 32)


def _coarse_image(case: Case) -> Array:
    """The mean over channels on the coarse grid, smoothed."""
    coarse = _sampled(case.voxels_ckji.mean(axis=0, dtype=np.float64), _coarse_shape(case))
    return np.asarray(ndimage.gaussian_filter(coarse, [0.0 if size == 1 else _SMOOTH for size in coarse.shape]))


def _sampled(array: NDArray[Any], shape: tuple[int, ...]) -> NDArray[Any]:
    """The nearest elements at ``shape`` even places."""
    places = [((np.arange(n) + 0.5) * size / n).astype(int) for n, size in zip(shape, array.shape, strict=True)]
    return array[np.ix_(*places)]

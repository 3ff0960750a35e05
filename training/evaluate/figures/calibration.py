"""Whether probabilities mean what they say, and the temperature that mends them.

Calibration error after Naeini et al. 2015 and Guo et al. 2017 (On Calibration of Modern Neural Networks, ICML): cases are
binned by the probability of their most probable class.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.special import log_softmax, logsumexp

from training.evaluate.figures.classes import Classes, Probabilities
from training.evaluate.figures.ranking import roc

Scores = NDArray[np.float64]

BINS = 10
_COLDEST, _HOTTEST = math.log(0.05), math.log(20.0)
_GOLDEN = (math.sqrt(5) - 1) / 2


@dataclass(frozen=True)
class Bin:
    """Cases whose confidence lies in (low, high]: their number, mean confidence, and the share that is right."""

    low: float
    high: float
    cases: int
    confidence: float
    accuracy: float


def reliability(probabilities: Probabilities, truth: Classes, bins: int = BINS) -> list[Bin]:
    """The bins of equal width that hold any case, by rising confidence."""
    confidence = probabilities.max(axis=1)
    right = probabilities.argmax(axis=1) == truth
    number = np.clip(np.ceil(confidence * bins).astype(int) - 1, 0, bins - 1)
    return [
        Bin(n / bins, (n + 1) / bins, int(inside.sum()), float(confidence[inside].mean()), float(right[inside].mean()))
        for n in range(bins)
        if (inside := number == n).any()
    ]


def calibration_error(probabilities: Probabilities, truth: Classes, bins: int = BINS) -> float:
    """ECE: the mean over cases of their bin's |accuracy - confidence|; NaN of no cases."""
    found = reliability(probabilities, truth, bins) if truth.size else []
    return sum(b.cases * abs(b.accuracy - b.confidence) for b in found) / truth.size if truth.size else float("nan")


def tempered(scores: Scores, temperature: float) -> Probabilities:
    """Probabilities (N, C) of scores (N, M, C): the mean over the M members and passes of softmax(scores / temperature)."""
    divided = scores / temperature
    raised = np.exp(divided - divided.max(axis=-1, keepdims=True))
    return np.asarray((raised / raised.sum(axis=-1, keepdims=True)).mean(axis=1), dtype=np.float64)


def negative_log_likelihood(scores: Scores, truth: Classes, temperature: float = 1.0) -> float:
    """Mean of -log p of the true class, by ``tempered``; computed from the logarithms, so that no p is too small for it."""
    each = log_softmax(scores / temperature, axis=-1)[np.arange(truth.size), :, truth]
    return float(-(logsumexp(each, axis=1) - math.log(scores.shape[1])).mean())


def fit_temperature(scores: Scores, truth: Classes) -> float:
    """The temperature of least negative log likelihood on these cases, in 0.05 .. 20, to four digits.

    Of one member the likelihood is convex in 1 / temperature, so a golden-section search on the logarithm finds the least.
    Never worse than leaving the scores alone: then, and of no cases, it is 1. Fit on the validation part, never on the test.

    Parameters
    ----------
    scores : logits (N, M, C), before any softmax.
    """
    if truth.size == 0:
        return 1.0

    def loss(log_temperature: float) -> float:
        return negative_log_likelihood(scores, truth, math.exp(log_temperature))

    low, high = _COLDEST, _HOTTEST
    for _ in range(40):  # to one part in ten million
        near, far = high - _GOLDEN * (high - low), low + _GOLDEN * (high - low)
        low, high = (low, far) if loss(near) <= loss(far) else (near, high)
    found = float(f"{math.exp((low + high) / 2):.4g}")
    return found if loss(math.log(found)) < loss(0.0) else 1.0


def fit_threshold(probabilities: Probabilities, truth: Classes, value: int) -> float:
    """From which probability a class is called present: where sensitivity + specificity is greatest (Youden, Cancer 1950;3:32).

    To four digits, within 0.0001 .. 0.9999; 0.5 where these cases hold the class alone, or not at all.
    """
    points = roc(probabilities[:, value], truth == value)
    return 0.5 if points is None else float(np.clip(round(points.best_threshold(), 4), 0.0001, 0.9999))

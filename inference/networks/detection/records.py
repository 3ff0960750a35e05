"""What a detector says of images before any decision, what is to count as found, and what was found."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor

from storage.base.errors import ModelError

Suppression = Literal["hard", "linear", "gaussian"]


@dataclass(frozen=True)
class Detections:
    """What was found in one image, the surest first.

    Attributes
    ----------
    boxes : float32 (n, 2 d), within the image, in pixels of the network's input (see `boxes`).
    scores : float32 (n,), from 0 to 1.
    labels : int64 (n,), from 1.
    masks : probabilities float32 (n, s, s[, s]) on the grid of each box, for `paste`; None of a network without masks.
    """

    boxes: Tensor
    scores: Tensor
    labels: Tensor
    masks: Tensor | None = None

    def __len__(self) -> int:
        return len(self.boxes)


@dataclass(frozen=True)
class Raw:
    """What a detector says of a batch: all that its loss and its decoding need.

    Attributes
    ----------
    size : the input's spatial size.
    anchors, counts : (P, 2 d) places that the network speaks of, level after level, and how many each level has.
    scores : logits (N, P, classes), background not among them; one class, "an object", for the first of two stages.
    regressions : (N, P, 2 d), what is said of the boxes. boxes : the boxes (N, P, 2 d) that they mean, float32.
    quality : logits (N, P) of how well the box fits, or None.
    levels : maps of the pyramid for the second stage (N, C, ...), finest first; empty where there is none.
    proposals : of each image (n, 2 d), the boxes that the second stage looks at.
    """

    size: tuple[int, ...]
    anchors: Tensor
    counts: tuple[int, ...]
    scores: Tensor
    regressions: Tensor
    boxes: Tensor
    quality: Tensor | None = None
    levels: tuple[Tensor, ...] = ()
    proposals: tuple[Tensor, ...] = ()


@dataclass(frozen=True)
class Selection:
    """What counts as found.

    Attributes
    ----------
    score : boxes below it are left out. most : boxes of an image at most.
    overlap : IoU from which a box yields to a better one of its label.
    suppression : ``hard`` (greedy), or soft by ``linear`` or ``gaussian`` decay, after which ``score`` is asked again.
    candidates : boxes of an image that suppression looks at, the highest scores.
    """

    score: float = 0.05
    overlap: float = 0.5
    most: int = 100
    suppression: Suppression = "hard"
    candidates: int = 1000


def check_finite(raw: Raw) -> None:
    """Refuse what isn't a number.

    Raises
    ------
    ModelError
        Code ``output-invalid``.
    """
    for values in (raw.scores, raw.boxes, *([] if raw.quality is None else [raw.quality])):
        if not bool(torch.isfinite(values).all()):
            message = "the detector yields values that are not numbers on this input; have the model checked"
            raise ModelError(message, code="output-invalid")

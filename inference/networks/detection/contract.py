"""What every detector offers: what it says of images before any decision, and the decision."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal, TypedDict

import torch
from torch import Tensor

from inference.networks.arguments import common, whole
from inference.networks.base import Network, check_size
from inference.networks.detection.pyramid import Pyramid
from inference.networks.layers import Norm
from inference.networks.residual import ENCODER_STAGES, ResidualEncoder, Stem
from storage.base.errors import ModelError

STRIDES: dict[str, tuple[int, ...]] = {"large": (4, 8, 16, 32), "small": (2, 4, 8, 16)}
"""Pixels a cell of the encoder's four layers, by stem."""

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


class Trunk(TypedDict, total=False):
    """Keyword arguments that every detector takes; `Detector` explains them."""

    spatial_dims: int
    in_channels: int
    out_channels: int
    depth: int
    width: int
    stem: Stem
    norm: Norm
    pyramid: int
    finest: int


class Detector(Network):
    """A residual encoder and a feature pyramid, on which a head finds objects.

    Parameters
    ----------
    spatial_dims : 2 or 3.
    in_channels : input channels.
    out_channels : classes with the background, which is the first: one more than there are labels.
    depth : 10, 18, 34 or 50, the encoder's. width : channels of its first layer.
    stem : ``large`` (7 × 7 and a maximum: maps of strides 4, 8, 16 and 32) or ``small`` (one 3 × 3: strides 2, 4, 8 and 16), for
        objects below some 8 pixels.
    norm : ``batch`` or ``instance``, the encoder's.
    pyramid : channels of each map of the pyramid.
    finest : the first of the encoder's four layers that the pyramid uses.

    Forward: float (N, in_channels, [K,] J, I) to `Raw`. Each size must be a multiple of 32, or of 16 with the small stem.
    """

    def __init__(
        self,
        *,
        spatial_dims: int,
        in_channels: int,
        out_channels: int,
        depth: int = 18,
        width: int = 16,
        stem: Stem = "large",
        norm: Norm = "batch",
        pyramid: int = 48,
        finest: int = 1,
    ) -> None:
        super().__init__()
        common(spatial_dims, in_channels, out_channels, norm)
        whole("out_channels", out_channels, least=2)
        whole("finest", finest, most=4)
        strides = (1, 2, 2, 2) if stem == "large" else (2, 2, 2, 2)
        self.encoder = ResidualEncoder(spatial_dims, in_channels, depth=depth, width=width, norm=norm, stem=stem, strides=strides)
        self.strides = STRIDES[stem][finest - 1 :]
        self.pyramid = Pyramid(spatial_dims, self.encoder.channels[finest - 1 :], whole("pyramid", pyramid))
        self.dims, self.classes, self.channels = spatial_dims, out_channels - 1, pyramid
        self.stages = (*ENCODER_STAGES, "pyramid", "head")

    @classmethod
    def multiple(cls, arguments: Mapping[str, Any]) -> int:
        stem = arguments.get("stem", "large")
        if stem not in STRIDES:
            raise ValueError(f"stem must be large or small, not {stem!r}")
        return STRIDES[stem][-1]

    def forward(self, images: Tensor) -> Raw:
        raise NotImplementedError

    def select(self, raw: Raw, selection: Selection) -> list[Detections]:
        """The decision on each image; `detect` is how to ask for it."""
        raise NotImplementedError

    @torch.no_grad()
    def detect(self, images: Tensor | Raw, selection: Selection | None = None) -> list[Detections]:
        """What is found in each image.

        Parameters
        ----------
        images : (N, in_channels, [K,] J, I), or what `forward` said of them.
        selection : what counts as found; None: the defaults.

        Raises
        ------
        ModelError
            Code ``output-invalid``: the network yields what isn't a number; ``network-invalid``: the size doesn't fit.
        """
        raw = images if isinstance(images, Raw) else self(images)
        check_finite(raw)
        return self.select(raw, selection or Selection())

    def maps(self, images: Tensor) -> list[Tensor]:
        """The pyramid's maps of ``images``, finest first."""
        check_size(images, self.strides[-1])
        maps: list[Tensor] = self.pyramid(self.encoder(images)[-len(self.strides) :])
        return maps

"""What every detector is made of and offers: encoder and pyramid, what it says of images, and the decision."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypedDict

import torch
from torch import Tensor

from inference.networks.arguments import common, whole
from inference.networks.base import Network, check_size
from inference.networks.detection.parts.pyramid import Pyramid
from inference.networks.detection.records import Detections, Raw, Selection, check_finite
from inference.networks.layers import Norm
from inference.networks.residual import ENCODER_STAGES, ResidualEncoder, Stem

STRIDES: dict[str, tuple[int, ...]] = {"large": (4, 8, 16, 32), "small": (2, 4, 8, 16)}
"""Pixels a cell of the encoder's four layers, by stem."""


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

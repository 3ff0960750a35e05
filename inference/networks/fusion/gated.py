"""Gated fusion: an encoder for each modality, gates at every level, one decoder."""

from __future__ import annotations

from collections.abc import Sequence

from torch import Tensor, nn

from inference.networks.arguments import choice, common
from inference.networks.fusion.base import (
    CHANNELS,
    FusionNetwork,
    by_level,
    climb,
    descend,
    down_blocks,
    of_modality,
    up_blocks,
    widths_of,
)
from inference.networks.fusion.gates import Gate, Per
from inference.networks.fusion.presence import Presence, modalities
from inference.networks.layers import CONV, Norm, he_initialise


class GatedFusion(FusionNetwork):
    """A U-Net with an encoder for each modality, whose features are fused at each level by a ``Gate``.

    Parameters
    ----------
    spatial_dims : 2 or 3.
    in_channels : the number of modalities, 2 to 16. out_channels : classes, background included.
    channels : width of each level, finest first. norm : ``batch`` or ``instance``.
    gate : one weight for each ``voxel``, or for each ``channel`` of a level.

    Forward: see ``FusionNetwork``. A modality's encoder sees only the cases that have it, in training too, so blank images
    don't enter its normalisation. The same network with modalities and encoders in another order gives the same logits: to the
    last bit with two of them, to rounding with more.
    """

    def __init__(
        self,
        *,
        spatial_dims: int,
        in_channels: int,
        out_channels: int,
        channels: Sequence[int] = CHANNELS,
        norm: Norm = "batch",
        gate: Per = "voxel",
    ) -> None:
        super().__init__()
        common(spatial_dims, in_channels, out_channels, norm)
        choice("gate", gate, "voxel", "channel")
        dims, widths = spatial_dims, widths_of(channels)
        self.modalities, self.levels = modalities(in_channels), len(widths)
        self.down = by_level([down_blocks(dims, widths, norm) for _ in range(in_channels)])
        self.gates = nn.ModuleList(Gate(dims, width, gate) for width in widths)
        ups, merges = up_blocks(dims, widths, norm)
        self.up, self.merge = nn.ModuleList(ups), nn.ModuleList(merges)
        self.head = CONV[dims](widths[0], out_channels, kernel_size=1)
        he_initialise(self)
        down = [f"down.{level}" for level in range(self.levels)]
        up = [f"{part}.{step}" for step in range(self.levels - 1) for part in ("up", "merge")]
        self.stages = (*down, "gates", *up, "head")

    def fuse(self, image: Tensor, presence: Presence) -> Tensor:
        flags = presence.flags[:, list(presence.some)]
        encoded = [
            [
                presence.spread(level, modality)
                for level in descend(of_modality(self.down, modality), presence.select(image, modality))
            ]
            for modality in presence.some
        ]
        levels = [list(level) for level in zip(*encoded, strict=True)]
        fused = [gate(level, flags) for gate, level in zip(self.gates, self.exchange(levels, flags), strict=True)]
        logits: Tensor = self.head(climb(self.up, self.merge, fused))
        return logits

    def exchange(self, levels: list[list[Tensor]], flags: Tensor) -> list[list[Tensor]]:
        """What the modalities tell each other before they are fused: here nothing.

        Parameters
        ----------
        levels : for each level, finest first, the features (N, C, *spatial) of each modality that some case has.
        flags : bool (N, those modalities).
        """
        return levels

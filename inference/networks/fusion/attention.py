"""Attention fusion: gated fusion whose modalities first look at each other at the deepest levels."""

from __future__ import annotations

from collections.abc import Sequence

from torch import Tensor, nn

from inference.networks.arguments import whole
from inference.networks.fusion.base import CHANNELS
from inference.networks.fusion.cross import CrossAttention
from inference.networks.fusion.gated import GatedFusion
from inference.networks.fusion.gates import Per
from inference.networks.layers import Norm


class AttentionFusion(GatedFusion):
    """``GatedFusion`` with cross-attention at the deepest levels: each modality's tokens attend to those of the others.

    Parameters
    ----------
    spatial_dims, in_channels, out_channels, channels, norm, gate : as in ``GatedFusion``.
    attention_levels : how many of the deepest levels have it.
    heads : of the attention; each of those levels' widths must be a multiple of it.
    tokens : the most of a modality at a level; larger maps are halved first, so that the cost is bounded.

    Forward: see ``FusionNetwork``. A case with one modality has no others to look at and is fused as in ``GatedFusion``.
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
        attention_levels: int = 2,
        heads: int = 4,
        tokens: int = 256,
    ) -> None:
        super().__init__(
            spatial_dims=spatial_dims,
            in_channels=in_channels,
            out_channels=out_channels,
            channels=channels,
            norm=norm,
            gate=gate,
        )
        deepest = channels[-whole("attention_levels", attention_levels, most=len(channels)) :]
        whole("tokens", tokens)
        if any(width % whole("heads", heads) for width in deepest):
            raise ValueError(f"heads must divide the widths {', '.join(map(str, deepest))} of the deepest levels, not {heads!r}")
        self.attention = nn.ModuleList(CrossAttention(width, heads, tokens) for width in deepest)
        at = self.stages.index("gates")
        self.stages = (*self.stages[:at], "attention", *self.stages[at:])

    def exchange(self, levels: list[list[Tensor]], flags: Tensor) -> list[list[Tensor]]:
        first = len(levels) - len(self.attention)
        return levels[:first] + [attend(level, flags) for attend, level in zip(self.attention, levels[first:], strict=True)]

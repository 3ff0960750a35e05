"""Swin UNETR: attention within shifted windows as encoder, convolutions as decoder. MONAI's, under our argument names.

After Hatamizadeh et al., "Swin UNETR" (BrainLes 2021). Importing this module imports MONAI's networks (some two seconds); the
registry does so only for a package that names it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from monai.networks.nets.swin_unetr import SwinUNETR as MonaiSwinUNETR
from torch import Tensor, nn

from inference.networks.arguments import common, share, whole, whole_list
from inference.networks.base import Network, check_size
from inference.networks.layers import BatchNorm2d, BatchNorm3d, InstanceNorm2d, InstanceNorm3d, Norm

_MULTIPLE = 32  # patches of 2, halved four times
_TOLERANT: dict[type[nn.Module], type[nn.Module]] = {
    nn.BatchNorm2d: BatchNorm2d,
    nn.BatchNorm3d: BatchNorm3d,
    nn.InstanceNorm2d: InstanceNorm2d,
    nn.InstanceNorm3d: InstanceNorm3d,
}


class SwinUNETR(MonaiSwinUNETR, Network):
    """Five levels; the encoder attends, the decoder convolves.

    Parameters
    ----------
    spatial_dims : 2 or 3.
    in_channels, out_channels : input channels; output classes, background included.
    width : channels of the first level, a multiple of 12 (the paper: 48), twice that in each next one.
    depths : blocks in each of four levels, even numbers so that windows are shifted as often as not (the paper: 2, 2, 2, 2).
    heads : attention heads of each level; each must divide the level's width.
    window : side of an attention window in patches of 2 pixels.
    norm : ``batch`` or ``instance`` (the paper's), of the convolutions.
    dropout : share of features set to zero, in training.

    Forward: float (N, in_channels, [K,] J, I), sizes multiples of 32, to logits (N, out_channels, [K,] J, I).
    """

    stages = (
        *(f"swinViT.{part}" for part in ("patch_embed", "layers1", "layers2", "layers3", "layers4")),
        *(f"encoder{number}.layer" for number in (1, 2, 3, 4, 10)),
        *(f"decoder{number}" for number in (5, 4, 3, 2, 1)),
        "out",
    )

    def __init__(
        self,
        *,
        spatial_dims: int,
        in_channels: int,
        out_channels: int,
        width: int = 24,
        depths: Sequence[int] = (2, 2, 2, 2),
        heads: Sequence[int] = (3, 6, 12, 24),
        window: int = 7,
        norm: Norm = "instance",
        dropout: float = 0.0,
    ) -> None:
        common(spatial_dims, in_channels, out_channels, norm)
        if whole("width", width, most=768) % 12:
            raise ValueError(f"width must be a multiple of 12, not {width}")
        per_level = whole_list("heads", heads, count=4)
        if any(width * 2**level % count for level, count in enumerate(per_level)):
            raise ValueError(f"heads: each must divide its level's width ({width}, doubled each level), not {per_level}")
        super().__init__(
            spatial_dims=spatial_dims,
            in_channels=in_channels,
            out_channels=out_channels,
            feature_size=width,
            depths=whole_list("depths", depths, count=4, most=64),
            num_heads=per_level,
            window_size=whole("window", window, most=64),
            norm_name=(norm, {"affine": True}),
            drop_rate=share("dropout", dropout),
        )
        _tolerate(self)

    @classmethod
    def multiple(cls, arguments: Mapping[str, Any]) -> int:
        return _MULTIPLE

    def forward(self, image: Tensor) -> Tensor:
        check_size(image, _MULTIPLE)
        logits: Tensor = super().forward(image)  # type: ignore[no-untyped-call]
        return logits


def _tolerate(module: nn.Module) -> None:
    """Let the norms of ``module`` cope with maps of one pixel, which inputs of 32 come down to."""
    for name, child in module.named_children():
        if type(child) in _TOLERANT:
            affine = {"affine": True} if isinstance(child, (nn.InstanceNorm2d, nn.InstanceNorm3d)) else {}
            setattr(module, name, _TOLERANT[type(child)](child.num_features, **affine))
        else:
            _tolerate(child)

"""MeshNet: a short row of dilated convolutions at full resolution; small files, and no halving of sizes.

After Fedorov et al., "End-to-end learning of brain tissue segmentation from imperfect labeling" (IJCNN 2017). The defaults are
the layout of brainchop's models, and so are the parameter names, so that their weights load as they are: ``norm`` "none" with
``activation`` "relu" (their ``model5_gw_ae``) or "elu" (``model18cls``, ``subcortical``).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

from torch import Tensor, nn

from inference.networks.arguments import choice, common, share, whole, whole_list
from inference.networks.base import Network
from inference.networks.layers import CONV, convolve, he_initialise, normalise

DILATIONS = (1, 2, 4, 8, 16, 8, 4, 2, 1)
_ACTIVATIONS = {"relu": nn.ReLU, "elu": nn.ELU, "gelu": nn.GELU}
_DROPOUT = {2: nn.Dropout2d, 3: nn.Dropout3d}


class MeshNet(Network):
    """3 × 3 (× 3) convolutions of one width, then 1 × 1 (× 1) to the classes.

    Parameters
    ----------
    spatial_dims : 2 or 3.
    in_channels, out_channels : input channels; output classes, background included.
    width : channels of every layer but the last (brainchop: 5 to 30).
    dilations : of the convolutions in turn.
    norm : ``batch``, ``instance`` or ``none`` (then the convolutions have a bias, as brainchop's do).
    activation : ``relu``, ``elu`` or ``gelu``.
    dropout : share of channels set to zero after each layer, in training.

    Forward: float (N, in_channels, [K,] J, I), any size, to logits (N, out_channels, [K,] J, I).
    """

    def __init__(
        self,
        *,
        spatial_dims: int,
        in_channels: int,
        out_channels: int,
        width: int = 16,
        dilations: Sequence[int] = DILATIONS,
        norm: Literal["batch", "instance", "none"] = "batch",
        activation: Literal["relu", "elu", "gelu"] = "relu",
        dropout: float = 0.0,
    ) -> None:
        super().__init__()
        choice("norm", norm, "batch", "instance", "none")
        common(spatial_dims, in_channels, out_channels)
        whole("width", width)
        choice("activation", activation, *_ACTIVATIONS)
        rate = share("dropout", dropout)
        layers: list[nn.Module] = []
        self.stages = ()
        for index, dilation in enumerate(whole_list("dilations", dilations, most=256)):
            inner = in_channels if index == 0 else width
            weighted = convolve(spatial_dims, inner, width, dilation=dilation, bias=norm == "none")
            self.stages += (f"model.{len(layers)}",)
            layers.append(weighted if norm == "none" else nn.Sequential(weighted, normalise(spatial_dims, width, norm)))
            layers.append(_ACTIVATIONS[activation]())
            if rate:
                layers.append(_DROPOUT[spatial_dims](rate))
        self.stages += (f"model.{len(layers)}",)
        layers.append(CONV[spatial_dims](width, out_channels, kernel_size=1))
        self.model = nn.Sequential(*layers)
        he_initialise(self)

    def forward(self, image: Tensor) -> Tensor:
        logits: Tensor = self.model(image)
        return logits

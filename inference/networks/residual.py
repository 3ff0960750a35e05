"""The residual encoder that ``resnet``, ``fcn`` and ``deeplabv3plus`` share.

After He, Zhang, Ren, Sun, "Deep residual learning for image recognition" (CVPR 2016), table 1, with the stride of a bottleneck
on its 3 × 3 convolution. Parameters have the names of torchvision's ResNet, so that weights in safetensors load by name.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

from torch import Tensor, nn
from torch.nn import functional

from inference.networks.arguments import choice, whole
from inference.networks.layers import MAX_POOL, Norm, convolve, normalise

Stem = Literal["large", "small"]

LAYOUTS = {10: (1, 1, 1, 1), 18: (2, 2, 2, 2), 34: (3, 4, 6, 3), 50: (3, 4, 6, 3)}
DEPTHS = tuple(LAYOUTS)


class Residual(nn.Module):
    """Two convolutions, or three with a narrow middle (``bottleneck``, which widens its output fourfold), and a shortcut."""

    def __init__(self, dims: int, inner: int, width: int, norm: Norm, stride: int, dilation: int, bottleneck: bool) -> None:
        super().__init__()
        outer = 4 * width if bottleneck else width
        if bottleneck:
            self.conv1 = convolve(dims, inner, width, kernel=1)
            self.bn1 = normalise(dims, width, norm)
            self.conv2 = convolve(dims, width, width, stride=stride, dilation=dilation)
            self.bn2 = normalise(dims, width, norm)
            self.conv3 = convolve(dims, width, outer, kernel=1)
            self.bn3 = normalise(dims, outer, norm)
        else:
            self.conv1 = convolve(dims, inner, width, stride=stride, dilation=dilation)
            self.bn1 = normalise(dims, width, norm)
            self.conv2 = convolve(dims, width, width, dilation=dilation)
            self.bn2 = normalise(dims, width, norm)
        self.bottleneck = bottleneck
        self.downsample: nn.Module = nn.Identity()
        if stride != 1 or inner != outer:
            self.downsample = nn.Sequential(convolve(dims, inner, outer, kernel=1, stride=stride), normalise(dims, outer, norm))

    def forward(self, features: Tensor) -> Tensor:
        result = functional.relu(self.bn1(self.conv1(features)), inplace=True)
        result = self.bn2(self.conv2(result))
        if self.bottleneck:
            result = self.bn3(self.conv3(functional.relu(result, inplace=True)))
        return functional.relu(result + self.downsample(features), inplace=True)


class ResidualEncoder(nn.Module):
    """Features at four depths.

    Parameters
    ----------
    dims, in_channels : spatial dimensions; input channels.
    depth : 10, 18, 34 (plain blocks) or 50 (bottlenecks).
    width : channels of the first layer, twice that in each next one (the paper: 64).
    norm : ``batch`` or ``instance``.
    stem : ``large`` is the paper's 7 × 7 with stride 2 and a maximum over 3 × 3 with stride 2; ``small`` one 3 × 3 with stride
        1, for images of some 30 pixels.
    strides, dilations : of each of the four layers; a dilation where a stride is left away keeps the field of view.

    Attributes
    ----------
    channels : of the four outputs.
    """

    def __init__(
        self,
        dims: int,
        in_channels: int,
        *,
        depth: int = 18,
        width: int = 64,
        norm: Norm = "batch",
        stem: Stem = "large",
        strides: Sequence[int] = (1, 2, 2, 2),
        dilations: Sequence[int] = (1, 1, 1, 1),
    ) -> None:
        super().__init__()
        choice("depth", depth, *DEPTHS)
        choice("stem", stem, "large", "small")
        whole("width", width, most=512)
        large, bottleneck = stem == "large", depth >= 50
        self.conv1 = convolve(dims, in_channels, width, kernel=7 if large else 3, stride=2 if large else 1)
        self.bn1 = normalise(dims, width, norm)
        self.pool = MAX_POOL[dims](kernel_size=3, stride=2, padding=1) if large else nn.Identity()
        inner = width
        outputs = []
        for index, count in enumerate(LAYOUTS[depth]):
            narrow = width * 2**index
            blocks = []
            for position in range(count):
                stride = strides[index] if position == 0 else 1
                blocks.append(Residual(dims, inner, narrow, norm, stride, dilations[index], bottleneck))
                inner = 4 * narrow if bottleneck else narrow
            self.add_module(f"layer{index + 1}", nn.Sequential(*blocks))
            outputs.append(inner)
        self.channels = tuple(outputs)

    def forward(self, image: Tensor) -> list[Tensor]:
        """Features of the four layers, finest first."""
        features = self.pool(functional.relu(self.bn1(self.conv1(image)), inplace=True))
        outputs = []
        for index in range(1, 5):
            features = self.get_submodule(f"layer{index}")(features)
            outputs.append(features)
        return outputs


ENCODER_STAGES = tuple(f"encoder.{part}" for part in ("conv1", "bn1", "layer1", "layer2", "layer3", "layer4"))

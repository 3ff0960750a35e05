"""DenseNet as a classifier: every layer of a block sees the features of all layers before it.

After Huang, Liu, van der Maaten, Weinberger, "Densely connected convolutional networks" (CVPR 2017), table 1. Parameters have
the names of torchvision's DenseNet. Ours and not MONAI's, which fails on images of 28 × 28 and, on CUDA, pools volumes without
a deterministic backward pass.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Sequence

import torch
from torch import Tensor, nn

from inference.networks.arguments import choice, common, share, whole, whole_list
from inference.networks.base import Classifier
from inference.networks.layers import MAX_POOL, Norm, convolve, halve, he_initialise, normalise, spatial_mean
from inference.networks.residual import Stem

LAYERS = (6, 12, 24, 16)
NARROWING = 4  # a layer's 1 × 1 convolution leaves this many times ``growth`` channels


class DenseLayer(nn.Module):
    """Norm, ReLU, 1 × 1, norm, ReLU, 3 × 3; the result is put behind the input's channels."""

    def __init__(self, dims: int, inner: int, growth: int, norm: Norm) -> None:
        super().__init__()
        self.norm1 = normalise(dims, inner, norm)
        self.conv1 = convolve(dims, inner, NARROWING * growth, kernel=1)
        self.norm2 = normalise(dims, NARROWING * growth, norm)
        self.conv2 = convolve(dims, NARROWING * growth, growth)

    def forward(self, features: Tensor) -> Tensor:
        narrow = self.conv1(torch.relu(self.norm1(features)))
        return torch.cat([features, self.conv2(torch.relu(self.norm2(narrow)))], dim=1)


class Transition(nn.Module):
    """Half the channels, half the size."""

    def __init__(self, dims: int, inner: int, outer: int, norm: Norm) -> None:
        super().__init__()
        self.norm = normalise(dims, inner, norm)
        self.conv = convolve(dims, inner, outer, kernel=1)

    def forward(self, features: Tensor) -> Tensor:
        return halve(self.conv(torch.relu(self.norm(features))))


def _features(
    dims: int, in_channels: int, layers: Sequence[int], growth: int, norm: Norm, large: bool
) -> tuple[nn.Sequential, int]:
    """Everything before the mean over space, and its channels."""
    width = 2 * growth
    parts: OrderedDict[str, nn.Module] = OrderedDict()
    parts["conv0"] = convolve(dims, in_channels, width, kernel=7 if large else 3, stride=2 if large else 1)
    parts["norm0"] = normalise(dims, width, norm)
    parts["relu0"] = nn.ReLU()
    if large:
        parts["pool0"] = MAX_POOL[dims](kernel_size=3, stride=2, padding=1)
    for number, count in enumerate(layers, start=1):
        named = ((f"denselayer{index + 1}", DenseLayer(dims, width + index * growth, growth, norm)) for index in range(count))
        parts[f"denseblock{number}"] = nn.Sequential(OrderedDict(named))
        width += count * growth
        if number < len(layers):
            parts[f"transition{number}"] = Transition(dims, width, width // 2, norm)
            width //= 2
    parts[f"norm{len(layers) + 1}"] = normalise(dims, width, norm)
    parts["relu"] = nn.ReLU()
    return nn.Sequential(parts), width


class DenseNet(Classifier):
    """Dense blocks with transitions between them, mean over space, one linear layer.

    Parameters
    ----------
    spatial_dims : 2 or 3.
    in_channels, out_channels : input channels; classes, "none of the labels" included.
    layers : layers in each dense block; 6, 12, 24, 16 is DenseNet-121.
    growth : channels that each layer adds (the paper: 32; 12 learns small images on a CPU).
    stem : ``large``, or ``small`` for images of some 30 pixels.
    norm : ``batch`` or ``instance``.
    dropout : share of features set to zero before the head, in training.

    Forward: float (N, in_channels, [K,] J, I), any size, to logits (N, out_channels).
    """

    def __init__(
        self,
        *,
        spatial_dims: int,
        in_channels: int,
        out_channels: int,
        layers: Sequence[int] = LAYERS,
        growth: int = 32,
        stem: Stem = "large",
        norm: Norm = "batch",
        dropout: float = 0.0,
    ) -> None:
        super().__init__()
        common(spatial_dims, in_channels, out_channels, norm)
        choice("stem", stem, "large", "small")
        counts = whole_list("layers", layers, most=128)
        whole("growth", growth, most=512)
        self.features, width = _features(spatial_dims, in_channels, counts, growth, norm, stem == "large")
        self.dropout = nn.Dropout(share("dropout", dropout))
        self.classifier = nn.Linear(width, out_channels)
        he_initialise(self)
        with_weights = [name for name, part in self.features.named_children() if any(True for _ in part.parameters())]
        self.stages = (*(f"features.{name}" for name in with_weights), "classifier")

    @property
    def cam_layer(self) -> nn.Module:
        return self.features

    def forward(self, image: Tensor) -> Tensor:
        logits: Tensor = self.classifier(self.dropout(spatial_mean(self.features(image))))
        return logits

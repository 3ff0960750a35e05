"""Heads of the second stage: what pooled features say of a region."""

from __future__ import annotations

from torch import Tensor, nn

from inference.networks.layers import CONV, UP


class BoxHead(nn.Module):
    """Two hidden layers; a class, background first, and deltas for every label.

    Forward: (R, channels, pooled, ...) to logits (R, 1 + classes) and deltas (R, classes, 2 d). R may be 0.
    """

    def __init__(self, dims: int, channels: int, pooled: int, hidden: int, classes: int) -> None:
        super().__init__()
        self.hidden = nn.Sequential(
            nn.Linear(channels * pooled**dims, hidden), nn.ReLU(inplace=True), nn.Linear(hidden, hidden), nn.ReLU(inplace=True)
        )
        self.score = nn.Linear(hidden, 1 + classes)
        self.delta = nn.Linear(hidden, classes * 2 * dims)
        self.sides = 2 * dims
        for last in (self.score, self.delta):
            nn.init.normal_(last.weight, std=0.01)
            nn.init.zeros_(last.bias)

    def forward(self, features: Tensor) -> tuple[Tensor, Tensor]:
        hidden = self.hidden(features.flatten(1))
        return self.score(hidden), self.delta(hidden).unflatten(1, (-1, self.sides))


class MaskHead(nn.Module):
    """Convolutions, one doubling of the grid, and a map for every label (He et al. 2017, figure 4 right).

    Forward: (R, channels, pooled, ...) to logits (R, classes, 2 pooled, ...). R may be 0.
    """

    def __init__(self, dims: int, channels: int, convs: int, classes: int) -> None:
        super().__init__()
        layers: list[nn.Module] = []
        for _ in range(convs):
            layers += [CONV[dims](channels, channels, kernel_size=3, padding=1), nn.ReLU(inplace=True)]
        self.convs = nn.Sequential(*layers, UP[dims](channels, channels, kernel_size=2, stride=2), nn.ReLU(inplace=True))
        self.mask = CONV[dims](channels, classes, kernel_size=1)
        for name, values in self.convs.named_parameters():
            if name.endswith("weight"):
                nn.init.kaiming_normal_(values, mode="fan_out", nonlinearity="relu")

    def forward(self, features: Tensor) -> Tensor:
        logits: Tensor = self.mask(self.convs(features))
        return logits

"""Changes of chroma: hue, saturation and the gain of each channel, as one 3 x 3 matrix a sample."""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch
from torch import Tensor

from storage.base.errors import ConfigError
from training.augment.draws import Draws
from training.recipe.parts.augment import Augment


def change_colour(images: Tensor, rules: Augment, draws: Sequence[Draws]) -> Tensor:
    """Turn the hue, stretch the saturation, scale the channels of images (N, 3, *spatial), red first.

    Raises
    ------
    ConfigError
        Code ``recipe-invalid``: the images haven't three channels.
    """
    if images.shape[1] != 3:
        message = f"augment.{rules.needs_colour}: needs colour images of 3 channels, these have {images.shape[1]}; remove the key"
        raise ConfigError(message, code="recipe-invalid")
    mix = torch.stack([_mixture(rules, draw) for draw in draws]).float().to(images.device)
    weights = mix.view(len(draws), 3, 3, *[1] * (images.dim() - 2))
    red, green, blue = images.unbind(1)
    return torch.stack([red * w[:, 0] + green * w[:, 1] + blue * w[:, 2] for w in weights.unbind(1)], dim=1)


def _mixture(rules: Augment, draws: Draws) -> Tensor:
    """(3, 3) float64: gains after saturation after hue; the identity to the last bit where nothing happens."""
    matrix = torch.eye(3, dtype=torch.float64)
    if rules.hue_deg and (stream := draws.happens("hue")):
        matrix = hue_turn(stream.uniform(-rules.hue_deg, rules.hue_deg)) @ matrix
    if rules.saturation != (1, 1) and (stream := draws.happens("saturation")):
        share = stream.uniform(*rules.saturation)
        matrix = (share * torch.eye(3, dtype=torch.float64) + (1 - share) / 3) @ matrix
    if rules.channel_gain != (1, 1) and (stream := draws.happens("gain")):
        gains = [stream.uniform(*rules.channel_gain) for _ in range(3)]
        matrix = torch.diag(torch.tensor(gains, dtype=torch.float64)) @ matrix
    return matrix


def hue_turn(degrees: float) -> Tensor:
    """A turn about the grey axis of the colour cube, red towards green (Rodrigues): grey stays, 120 swaps the channels."""
    cos, sin = math.cos(math.radians(degrees)), math.sin(math.radians(degrees))
    across = torch.tensor([[0.0, -1, 1], [1, 0, -1], [-1, 1, 0]], dtype=torch.float64) / math.sqrt(3)
    return cos * torch.eye(3, dtype=torch.float64) + sin * across + (1 - cos) / 3

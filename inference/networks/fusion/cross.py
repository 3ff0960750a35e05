"""Attention of each modality to the others that are present, at a bounded cost.

After Vaswani et al., "Attention is all you need" (NIPS 2017): equation 1, several heads, and section 3.5's sines for the place.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional

from inference.networks.layers import halve, resize


class CrossAttention(nn.Module):
    """Features of each modality, plus what it reads off those of the others.

    Parameters
    ----------
    channels, heads : of the features; of the attention, which divides them.
    tokens : the most that one modality has; a larger map is halved until it fits.

    All modalities share the weights. Beside the others' tokens each may attend to nothing, a token of score 0 and value 0; so
    where no other modality is present nothing is read.
    """

    def __init__(self, channels: int, heads: int, tokens: int) -> None:
        super().__init__()
        self.norm = nn.LayerNorm(channels)
        self.query = nn.Linear(channels, channels, bias=False)
        self.key = nn.Linear(channels, channels, bias=False)
        self.value = nn.Linear(channels, channels, bias=False)
        self.project = nn.Linear(channels, channels, bias=False)
        self.heads, self.tokens = heads, tokens

    def forward(self, features: Sequence[Tensor], flags: Tensor) -> list[Tensor]:
        """Features (N, C, *spatial) of each modality, zero where absent, by ``flags`` bool (N, modalities)."""
        if len(features) == 1:
            return list(features)
        pooled = [pool(each, self.tokens) for each in features]
        size = pooled[0][0].shape[2:]
        place = places(size, features[0].shape[1]).to(features[0])
        tokens = [self.norm(each.flatten(2).transpose(1, 2)) for each, _ in pooled]
        queries, keys = ([self._split(layer(each + place)) for each in tokens] for layer in (self.query, self.key))
        values = [self._split(self.value(each)) for each in tokens]
        told = []
        for modality, (each, (_, sizes)) in enumerate(zip(features, pooled, strict=True)):
            others = [other for other in range(len(features)) if other != modality]
            there = flags[:, others].repeat_interleave(len(place), dim=1)
            theirs, worth = (torch.cat([of[other] for other in others], dim=2) for of in (keys, values))
            read = _attend(queries[modality], theirs, worth, there)
            context = self.project(read.transpose(1, 2).flatten(2)).transpose(1, 2).unflatten(2, size)
            absent = ~flags[:, modality].view(-1, *[1] * (each.ndim - 1))
            told.append(each + unpool(context, sizes).masked_fill(absent, 0.0))
        return told

    def _split(self, tokens: Tensor) -> Tensor:
        """(N, T, C) to (N, heads, T, C / heads)."""
        parts: Tensor = tokens.unflatten(2, (self.heads, -1))
        return parts.transpose(1, 2)


def _attend(queries: Tensor, keys: Tensor, values: Tensor, there: Tensor) -> Tensor:
    """Scaled dot-product attention to the keys that are ``there``, bool (N, keys), or to nothing.

    Written out, since the fused kernels of CUDA have no deterministic backward pass.
    """
    scores = (queries @ keys.transpose(2, 3)).float() / math.sqrt(queries.shape[3])
    scores = scores.masked_fill(~there[:, None, None], -torch.inf)
    weights = torch.softmax(functional.pad(scores, (1, 0)), dim=3)[..., 1:]
    return weights.to(values.dtype) @ values


def pool(features: Tensor, most: int) -> tuple[Tensor, list[tuple[int, ...]]]:
    """Features halved until they have at most ``most`` voxels, the last row of an odd axis doubled, and the sizes before."""
    sizes: list[tuple[int, ...]] = []
    while math.prod(features.shape[2:]) > most:
        sizes.append(tuple(features.shape[2:]))
        for axis, size in enumerate(sizes[-1], start=2):
            if size % 2 and size > 1:
                features = torch.cat([features, features.narrow(axis, size - 1, 1)], dim=axis)
        features = halve(features)
    return features, sizes


def unpool(features: Tensor, sizes: Sequence[tuple[int, ...]]) -> Tensor:
    """Back to the first of the ``sizes`` of `pool`, linearly, each voxel at its place."""
    for size in reversed(sizes):
        features = resize(features, [n if n == 1 else n + n % 2 for n in size])
        for axis, n in enumerate(size, start=2):
            features = features.narrow(axis, 0, n)
    return features


def places(size: Sequence[int], channels: int) -> Tensor:
    """Sines and cosines of each voxel's index along each axis, (voxels, channels) float32, zero where channels are left over."""
    count = max(1, channels // (2 * len(size)))
    rates = 10_000.0 ** -(torch.arange(count) / count)
    lines = torch.meshgrid(*(torch.arange(n, dtype=torch.float32) for n in size), indexing="ij")
    angles = torch.cat([line.reshape(-1, 1) * rates for line in lines], dim=1)
    code = torch.cat([angles.sin(), angles.cos()], dim=1)[:, :channels]
    return functional.pad(code, (0, channels - code.shape[1]))

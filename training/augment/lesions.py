"""Synthetic lesions: uneven blobs with a soft rim, pasted into a patch after everything that interpolates."""

from __future__ import annotations

import math

import torch
import torch.nn.functional as F
from torch import Tensor

from training.augment.draws import Draws, Stream
from training.recipe.parts.augment import Lesions

_MODES = {2: "bilinear", 3: "trilinear"}
_NODES = 5
_FAR = 2.5


def paste_lesions(image: Tensor, target: Tensor | None, rules: Lesions, draws: Draws) -> int:
    """Paste lesions into one patch, in place.

    Parameters
    ----------
    image : float32 (C, *patch). target : uint8 (*patch), set to ``rules.label`` exactly where a lesion covers half a voxel or
        more; None in a classification.

    Returns
    -------
    How many were pasted; fewer than drawn where no voxel of ``rules.inside`` is there.
    """
    stream = draws.of("lesions")
    if not stream.chance(rules.probability):
        return 0
    pasted = 0
    for _ in range(stream.whole(*rules.count)):
        centre = _centre(image, target, rules, stream)
        if centre is not None:
            _paste(image, target, centre, rules, stream)
            pasted += 1
    return pasted


def _centre(image: Tensor, target: Tensor | None, rules: Lesions, stream: Stream) -> list[float] | None:
    if not rules.inside or target is None:
        return [stream.uniform(0, n - 1) for n in image.shape[1:]]
    allowed = torch.zeros_like(target, dtype=torch.bool)
    for value in rules.inside:
        allowed |= target == value
    places = torch.nonzero(allowed)
    return None if not len(places) else [float(n) for n in places[stream.whole(0, len(places) - 1)]]


def _paste(image: Tensor, target: Tensor | None, centre: list[float], rules: Lesions, stream: Stream) -> None:
    radius = stream.uniform(*rules.radius_voxels)
    radii = [radius * stream.uniform(0.75, 1.25) for _ in centre]
    contrast = stream.uniform(*rules.contrast)
    reach = [r * (1 + _FAR * rules.irregular) + rules.rim_voxels for r in radii]
    box = [
        slice(max(0, math.floor(c - r)), min(n, math.ceil(c + r) + 1))
        for c, r, n in zip(centre, reach, image.shape[1:], strict=True)
    ]
    cover = _cover(box, centre, radii, rules, stream).to(image.device)
    grain = stream.normal(cover.shape, image.device)
    image[(slice(None), *box)] += cover * contrast * (1 + rules.texture * grain)
    if target is not None:
        target[tuple(box)] = torch.where(cover >= 0.5, rules.label, target[tuple(box)])


def _cover(box: list[slice], centre: list[float], radii: list[float], rules: Lesions, stream: Stream) -> Tensor:
    """How much of each voxel of the box the lesion fills, 0 to 1: a half on its outline, over ``rim_voxels`` from 1 to 0."""
    dims = len(box)
    reach = torch.zeros(())
    for axis, (part, middle, radius) in enumerate(zip(box, centre, radii, strict=True)):
        steps = (torch.arange(part.start, part.stop, dtype=torch.float32) - middle) / radius
        reach = reach + steps.square().view(-1, *[1] * (dims - 1 - axis))
    bumps = stream.normal((1, 1, *[_NODES] * dims)).clamp(-_FAR, _FAR)
    size = tuple(part.stop - part.start for part in box)
    outline = 1 + rules.irregular * F.interpolate(bumps, size=size, mode=_MODES[dims], align_corners=True)[0, 0]
    distance = (reach.sqrt() - outline) * (sum(radii) / dims)
    return (0.5 - distance / rules.rim_voxels).clamp(0, 1)

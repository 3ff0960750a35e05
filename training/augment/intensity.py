"""Changes of brightness, contrast, sharpness and noise on a batch, each sample by its own draws.

What a power or a mean gives may differ in the last bit with a tensor's length, so those are taken sample by sample; everything
else goes over the whole batch, with neutral numbers for samples that aren't changed.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor

from training.augment.draws import Draws
from training.recipe.parts.augment import Augment

_MODES = {1: "linear", 2: "bilinear", 3: "trilinear"}


def change_light(images: Tensor, rules: Augment, draws: Sequence[Draws]) -> Tensor:
    """Gamma, then contrast about the mean and brightness, of images (N, C, *spatial); may change them in place."""
    if rules.gamma != (1, 1):
        for image, draw in zip(images, draws, strict=True):
            if stream := draw.happens("gamma"):
                _gamma(image, stream.uniform(*rules.gamma), stream.chance(rules.gamma_invert))
    gains, offsets = [1.0] * len(draws), [0.0] * len(draws)
    for n, draw in enumerate(draws):
        if rules.contrast != (1, 1) and (stream := draw.happens("contrast")):
            gains[n] = stream.uniform(*rules.contrast)
        if rules.brightness and (stream := draw.happens("brightness")):
            offsets[n] = stream.uniform(-rules.brightness, rules.brightness)
    if any(gain != 1 for gain in gains):
        gain = _by_sample(gains, images)
        means = torch.stack([image.mean() for image in images]).view(gain.shape)
        images = images * gain + torch.where(gain == 1, 0.0, means * (1 - gain))
    return images + _by_sample(offsets, images) if any(offsets) else images


def _gamma(image: Tensor, power: float, inverted: bool) -> None:
    """``x ** power`` between the image's least and greatest value, which stay; of 1 - x when ``inverted``. In place."""
    low, high = image.amin(), image.amax()
    extent = high - low
    share = (image - low) / torch.where(extent > 0, extent, 1.0)
    share = 1 - (1 - share).clamp_min(0) ** power if inverted else share**power
    image.copy_(share * extent + low)


def coarsen(images: Tensor, rules: Augment, draws: Sequence[Draws]) -> None:
    """Some images look as if taken with larger voxels; in place."""
    for image, draw in zip(images, draws, strict=True):
        stream = draw.of("coarsen")
        if not stream.chance(rules.coarsen):
            continue
        factor, size = stream.uniform(*rules.coarsen_factor), tuple(image.shape[1:])
        small = [max(1, round(n / factor)) for n in size]
        mode = _MODES[len(size)]
        fewer = F.interpolate(image[None], size=small, mode=mode, align_corners=False)
        image.copy_(F.interpolate(fewer, size=size, mode=mode, align_corners=False)[0])


def add_noise(images: Tensor, rules: Augment, draws: Sequence[Draws]) -> Tensor:
    """Speckle, in proportion to the brightness above the darkest voxel, then Gaussian noise."""
    if rules.speckle:
        lows = torch.stack([image.amin() for image in images]).view(-1, *[1] * (images.dim() - 1))
        images = images + (images - lows) * _noise(images, "speckle", rules.speckle, draws)
    return images + _noise(images, "noise", rules.noise, draws) if rules.noise else images


def _noise(images: Tensor, change: str, most: float, draws: Sequence[Draws]) -> Tensor:
    noise = torch.zeros_like(images)
    for field, draw in zip(noise, draws, strict=True):
        stream = draw.happens("speckle" if change == "speckle" else "noise")
        if stream is not None:
            strength = stream.uniform(0, most)
            field.copy_(stream.normal(field.shape, field.device)).mul_(strength)
    return noise


def cut_out(images: Tensor, rules: Augment, draws: Sequence[Draws]) -> None:
    """Blank one box of each image with the image's mean; in place. The target stays."""
    for image, draw in zip(images, draws, strict=True):
        stream = draw.of("cutout")
        box = [slice(None)]
        for n in image.shape[1:]:
            size = round(n * stream.uniform(0, rules.cutout))
            start = stream.whole(0, n - size)
            box.append(slice(start, start + size))
        image[tuple(box)] = image.mean()


def _by_sample(numbers: Sequence[float], images: Tensor) -> Tensor:
    return images.new_tensor(numbers).view(-1, *[1] * (images.dim() - 1))

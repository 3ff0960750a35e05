"""The network over a volume of any size: windows that overlap, run in batches, blended with weights that fall to the rim.

One window suffices for most volumes of the shipped packages; then nothing is blended. Mirrored passes (test-time
augmentation) are averaged. Scores are logits: no softmax is needed to find the largest.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from itertools import combinations, product

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from inference.manifest import Manifest
from inference.pipeline.prepare import Prepared

Progress = Callable[[str, float], None]
"""Called with (stage, fraction from 0 to 1) between batches of windows; an exception from it stops the run."""

Scores = Callable[[Tensor], Tensor]
"""A network, from a batch (N, C, *spatial) to logits (N, classes, ...)."""

_BATCH = 4


def silent(_stage: str, _fraction: float) -> None:
    """Progress that nobody watches."""


def segment(network: nn.Module, prepared: Prepared, manifest: Manifest, progress: Progress = silent) -> Tensor:
    """Scores of every class on the model's grid.

    Parameters
    ----------
    network : in evaluation mode.
    progress : told about stage ``network``.

    Returns
    -------
    Tensor, float32 (classes, k, j, i) or (classes, j, i): logits, background first.
    """
    images, mirrors = mirrored(prepared.image, manifest.postprocess.mirror_axes)
    with torch.inference_mode():
        scores = slide(asked(network, prepared.present), images, manifest, lambda fraction: progress("network", fraction))
        straight = [one.flip(axes) for one, axes in zip(scores, mirrors, strict=True)]
        return torch.stack(straight).mean(0) if len(mirrors) > 1 else straight[0]


def asked(network: nn.Module, present: Tensor) -> Scores:
    """The network as a function of a batch; one that takes presence is told of every image which inputs it has (N, M)."""
    if not getattr(network, "takes_presence", False):
        return network
    return lambda batch: network(batch, present.to(batch.device).expand(len(batch), -1))


def mirrored(image: Tensor, axes: Sequence[int]) -> tuple[Tensor, list[list[int]]]:
    """The image (C, *spatial) flipped along every subset of the spatial ``axes``, the empty one first.

    Returns
    -------
    Tensor (N, C, *spatial), and by pass the axes of (C, *spatial) that were flipped.
    """
    subsets = [[axis + 1 for axis in subset] for size in range(len(axes) + 1) for subset in combinations(axes, size)]
    return torch.stack([image.flip(subset) for subset in subsets]), subsets


def slide(
    network: Scores, images: Tensor, manifest: Manifest, progress: Callable[[float], None] = lambda fraction: None
) -> Tensor:
    """Scores (N, classes, *spatial) of images (N, C, *spatial) on the model's grid, not mirrored."""
    size = tuple(images.shape[2:])
    window = window_size(size, manifest.grid.patch, manifest.grid.minimum_multiple)
    before = [max(0, w - n) // 2 for n, w in zip(size, window, strict=True)]
    padded = padded_to(images, window, before)
    places = list(product(*(starts(n, w, manifest.grid.overlap) for n, w in zip(padded.shape[2:], window, strict=True))))
    blended = _run_windows(network, padded, window, places, progress)
    inner = (slice(None), slice(None), *(slice(b, b + n) for b, n in zip(before, size, strict=True)))
    return blended[inner]


def window_size(size: Sequence[int], patch: Sequence[int], multiple: int) -> tuple[int, ...]:
    """The patch, or less along axes where the image is smaller: the next multiple of ``multiple``."""
    return tuple(min(p, math.ceil(n / multiple) * multiple) for n, p in zip(size, patch, strict=True))


def starts(size: int, window: int, overlap: float) -> list[int]:
    """First indices of windows of length ``window`` that cover ``size``, evenly spread, overlapping by ``overlap`` or more."""
    if size <= window:
        return [0]
    step = max(1.0, window * (1 - overlap))
    count = math.ceil((size - window) / step) + 1
    return [round(index * (size - window) / (count - 1)) for index in range(count)]


def padded_to(images: Tensor, window: Sequence[int], before: Sequence[int]) -> Tensor:
    """Zeros around the images up to the window's size."""
    after = [max(0, w - n) - b for n, w, b in zip(images.shape[2:], window, before, strict=True)]
    return F.pad(images, [width for pair in zip(before[::-1], after[::-1], strict=True) for width in pair])


def _run_windows(
    network: Scores, images: Tensor, window: Sequence[int], places: list[tuple[int, ...]], progress: Callable[[float], None]
) -> Tensor:
    """All images at some places make one batch; the windows' scores are blended."""
    if len(places) == 1:
        alone = forward(network, images)
        progress(1.0)
        return alone
    weight = _bell(window)
    cover = torch.zeros(images.shape[2:])
    total: Tensor | None = None
    at_once = max(1, _BATCH // len(images))
    for first in range(0, len(places), at_once):
        chosen = [window_at(place, window) for place in places[first : first + at_once]]
        scores = forward(network, torch.cat([images[at] for at in chosen]))
        total = torch.zeros((len(images), scores.shape[1], *images.shape[2:])) if total is None else total
        for at, part in zip(chosen, scores.split(len(images)), strict=True):
            total[at] += part * weight
            cover[at[2:]] += weight
        progress(min(1.0, (first + at_once) / len(places)))
    assert total is not None
    return total / cover


def window_at(place: Sequence[int], window: Sequence[int]) -> tuple[slice, ...]:
    """Where in (N, C, *spatial) the window that begins at ``place`` lies."""
    return (slice(None), slice(None), *(slice(start, start + width) for start, width in zip(place, window, strict=True)))


def forward(network: Scores, batch: Tensor) -> Tensor:
    """Scores (N, classes, ...) of a batch (N, C, *spatial), in channels-last layout, which runs faster here.

    A single volume goes twice: on a CPU PyTorch leaves its fast 3-D convolutions for a batch of one, which was measured to cost
    three times as much as the pair.
    """
    if batch.dim() == 4:
        return _contiguous(network(batch.contiguous(memory_format=torch.channels_last)))
    pair = batch.repeat(2, 1, 1, 1, 1) if len(batch) == 1 and batch.device.type == "cpu" else batch
    return _contiguous(network(pair.contiguous(memory_format=torch.channels_last_3d))[: len(batch)])


def _contiguous(scores: Tensor) -> Tensor:
    return scores.float().contiguous()


def _bell(window: Sequence[int]) -> Tensor:
    """A Gaussian weight over the window, an eighth of its width as deviation, never below a thousandth."""
    weight = torch.ones(tuple(window))
    for axis, width in enumerate(window):
        place = (torch.arange(width) - (width - 1) / 2) / (width / 8)
        shape = [-1 if axis == other else 1 for other in range(len(window))]
        weight = weight * torch.exp(-0.5 * place**2).reshape(shape)
    return weight.clamp_min(1e-3)

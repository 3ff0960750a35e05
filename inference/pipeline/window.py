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
    mirrors = _mirrors(manifest.postprocess.mirror_axes)
    total: Tensor | None = None
    with torch.inference_mode():
        for number, axes in enumerate(mirrors):
            flipped = [axis + 1 for axis in axes]
            share = _share(progress, number, len(mirrors))
            scores = slide(network, prepared.image.flip(flipped), manifest, share).flip(flipped)
            total = scores if total is None else total.add_(scores)
    assert total is not None
    return total / len(mirrors)


def _mirrors(axes: Sequence[int]) -> list[tuple[int, ...]]:
    """Every subset of ``axes``, the empty one first."""
    return [subset for size in range(len(axes) + 1) for subset in combinations(axes, size)]


def _share(progress: Progress, number: int, count: int) -> Callable[[float], None]:
    return lambda fraction: progress("network", (number + fraction) / count)


def slide(
    network: nn.Module, image: Tensor, manifest: Manifest, progress: Callable[[float], None] = lambda fraction: None
) -> Tensor:
    """Scores (classes, *spatial) by one pass over ``image`` (C, *spatial) on the model's grid, not mirrored."""
    size = tuple(image.shape[1:])
    window = window_size(size, manifest.grid.patch, manifest.grid.minimum_multiple)
    before = [max(0, w - n) // 2 for n, w in zip(size, window, strict=True)]
    padded = _pad(image, window, before)
    places = list(product(*(starts(n, w, manifest.grid.overlap) for n, w in zip(padded.shape[1:], window, strict=True))))
    blended = _run_windows(network, padded, window, places, progress)
    inner = (slice(None), *(slice(b, b + n) for b, n in zip(before, size, strict=True)))
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


def _pad(image: Tensor, window: Sequence[int], before: Sequence[int]) -> Tensor:
    """Zeros around ``image`` up to the window's size."""
    after = [max(0, w - n) - b for n, w, b in zip(image.shape[1:], window, before, strict=True)]
    return F.pad(image, [width for pair in zip(before[::-1], after[::-1], strict=True) for width in pair])


def _run_windows(
    network: nn.Module, image: Tensor, window: Sequence[int], places: list[tuple[int, ...]], progress: Callable[[float], None]
) -> Tensor:
    weight = _bell(window)
    total: Tensor | None = None
    cover = torch.zeros(image.shape[1:])
    for first in range(0, len(places), _BATCH):
        chosen = [_window_at(place, window) for place in places[first : first + _BATCH]]
        logits = network(_layout(torch.stack([image[at] for at in chosen]))).float()
        if len(places) == 1:
            progress(1.0)
            alone: Tensor = logits[0].contiguous()
            return alone
        total = torch.zeros((logits.shape[1], *image.shape[1:])) if total is None else total
        for at, scores in zip(chosen, logits, strict=True):
            total[at] += scores * weight
            cover[at[1:]] += weight
        progress(min(1.0, (first + _BATCH) / len(places)))
    assert total is not None
    return total / cover


def _window_at(place: Sequence[int], window: Sequence[int]) -> tuple[slice, ...]:
    return (slice(None), *(slice(start, start + width) for start, width in zip(place, window, strict=True)))


def _layout(batch: Tensor) -> Tensor:
    """Channels last, which the convolutions here run faster in."""
    return batch.contiguous(memory_format=torch.channels_last_3d if batch.dim() == 5 else torch.channels_last)


def _bell(window: Sequence[int]) -> Tensor:
    """A Gaussian weight over the window, an eighth of its width as deviation, never below a thousandth."""
    weight = torch.ones(tuple(window))
    for axis, width in enumerate(window):
        place = (torch.arange(width) - (width - 1) / 2) / (width / 8)
        shape = [-1 if axis == other else 1 for other in range(len(window))]
        weight = weight * torch.exp(-0.5 * place**2).reshape(shape)
    return weight.clamp_min(1e-3)

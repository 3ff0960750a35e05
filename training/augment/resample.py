"""Reads all patches of a batch through one ``grid_sample``: image channels and label shares together.

Cases differ in size, so from each a window is copied first that is sure to hold its patch; windows are of one size by the recipe
alone. Nothing here depends on a sample's neighbours, to the last bit: sums run channel by channel, and no matrix product is
taken whose order of summation could change with the batch.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor

from training.augment.coordinates import part_read, sampling_grid, window_start
from training.augment.crop import extended, overlap, paste_window
from training.augment.geometry import Geometry
from training.data.case import GridCase
from training.recipe.parts.augment import Outside


def read_patches(
    cases: Sequence[GridCase], geometries: Sequence[Geometry], window: Sequence[int], classes: int, outside: Outside = "zero"
) -> tuple[Tensor, Tensor | None]:
    """The patches that ``geometries`` name: images linear, targets as shares of classes of which the largest wins.

    Parameters
    ----------
    window : size of the windows, at least what each geometry reads (`place.window_size`).
    classes : of the targets, background included; 0 when there are none.
    outside : what lies beyond a case.

    Returns
    -------
    float32 (N, C, *patch) and uint8 (N, *patch) or None.
    """
    first, patch = cases[0].image, geometries[0].patch
    images = first.new_zeros((len(cases), first.shape[0], *patch))
    targets = torch.zeros((len(cases), *patch), dtype=torch.uint8, device=first.device) if classes else None
    for n in (n for n, geometry in enumerate(geometries) if geometry.exact):
        images[n] = moved(cases[n].image, geometries[n], outside)
        if targets is not None:
            targets[n] = moved(cases[n].mask, geometries[n], "edge" if outside == "edge" else "zero")
    bent = [n for n, geometry in enumerate(geometries) if not geometry.exact]
    if bent:
        values, labels = _sampled([cases[n] for n in bent], [geometries[n] for n in bent], window, classes, outside)
        images[bent] = values
        if targets is not None and labels is not None:
            targets[bent] = labels
    return images, targets


def moved(array: Tensor, geometry: Geometry, outside: Outside) -> Tensor:
    """What an exact geometry takes of ``array`` (..., *source), cut out and mirrored, bit for bit."""
    signs, offsets = geometry.linear.diagonal().tolist(), geometry.offset.tolist()
    start = [int(o) if s > 0 else int(o) - n + 1 for s, o, n in zip(signs, offsets, geometry.patch, strict=True)]
    turned = [axis - len(signs) for axis, sign in enumerate(signs) if sign < 0]
    cut = array.new_zeros((*array.shape[: array.dim() - len(signs)], *geometry.patch))
    fill_window(cut, array, start, outside)
    return cut.flip(turned) if turned else cut


def _sampled(
    cases: Sequence[GridCase], geometries: Sequence[Geometry], window: Sequence[int], classes: int, outside: Outside
) -> tuple[Tensor, Tensor | None]:
    channels = cases[0].image.shape[0]
    windows = cases[0].image.new_empty((len(cases), channels + max(0, classes - 1), *window))
    starts = [window_start(geometry, window) for geometry in geometries]
    for whole, case, geometry, first in zip(windows, cases, geometries, starts, strict=True):
        part = part_read(geometry, window)
        held = whole[(slice(None), *part)].zero_()  # the rest of the window is never read
        start = [s + p.start for s, p in zip(first, part, strict=True)]
        fill_window(held[:channels], case.image, start, outside)
        if classes:
            _fill_shares(held[channels:], case.mask, start, outside)
    grid = sampling_grid(geometries, starts, window).to(windows.device)
    read = F.grid_sample(windows, grid, mode="bilinear", padding_mode="zeros", align_corners=False)
    return read[:, :channels], _largest(read[:, channels:]) if classes else None


def fill_window(window: Tensor, array: Tensor, start: Sequence[int], outside: Outside) -> None:
    """Write the part of ``array`` that begins at ``start`` into ``window``, which holds zeros, and what lies beyond it."""
    if outside == "edge":
        window.copy_(extended(array, start, window.shape[window.dim() - len(start) :]))
        return
    if outside == "darkest":
        window.fill_(array.amin())
    paste_window(array, start, window)


def _fill_shares(shares: Tensor, mask: Tensor, start: Sequence[int], outside: Outside) -> None:
    """1 in the channel of each voxel's class, the background's left out; ``shares`` (classes - 1, *window) holds zeros."""
    if outside == "edge":
        mask, start = extended(mask, start, shares.shape[1:]), [0] * len(start)
    here, there = overlap(mask.shape, start, shares.shape[1:])
    for value, share in enumerate(shares, start=1):
        share[tuple(there)] = mask[tuple(here)] == value


def _largest(shares: Tensor) -> Tensor:
    """The class (N, *patch) of the largest share, given those of all but the background; the lower one on a tie."""
    best = torch.ones_like(shares[:, 0])
    for value in range(shares.shape[1]):
        best = best - shares[:, value]
    label = torch.zeros_like(best, dtype=torch.uint8)
    for value in range(shares.shape[1]):
        better = shares[:, value] > best
        best = torch.where(better, shares[:, value], best)
        label = torch.where(better, label.new_tensor(value + 1), label)
    return label

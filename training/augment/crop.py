"""Cutting a window out of an image: equation 1 of the review, for any number of axes."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor


def crop(array: Tensor, start: Sequence[int], size: Sequence[int]) -> Tensor:
    """The window of ``size`` that begins at ``start``.

    Equation 1 writes I' = I[x:x+w, y:y+h] with x and w along columns, y and h along rows. Arrays here are [..., row, column], so
    that is ``crop(I, (y, x), (h, w))``; a third axis, slices, goes in front.

    Parameters
    ----------
    array : (..., *spatial), with as many spatial axes as ``start`` has numbers.

    Returns
    -------
    A copy (..., *size), 0 where the window leaves the array.
    """
    leading = array.shape[: array.dim() - len(start)]
    window = torch.zeros((*leading, *size), dtype=array.dtype, device=array.device)
    paste_window(array, start, window)
    return window


def paste_window(array: Tensor, start: Sequence[int], window: Tensor) -> None:
    """Copy what ``window`` (..., *size) covers of ``array`` when it begins at ``start``; the rest of it stays as it is."""
    leading = [slice(None)] * (array.dim() - len(start))
    here, there = overlap(array.shape[len(leading) :], start, window.shape[len(leading) :])
    window[(*leading, *there)] = array[(*leading, *here)]


def extended(array: Tensor, start: Sequence[int], size: Sequence[int]) -> Tensor:
    """As `crop`, but what the window has beyond the array repeats the array's nearest voxel."""
    for axis, (first, extent) in enumerate(zip(start, size, strict=True), start=array.dim() - len(start)):
        index = torch.arange(first, first + extent, device=array.device).clamp(0, array.shape[axis] - 1)
        array = array.index_select(axis, index)
    return array


def overlap(whole: Sequence[int], start: Sequence[int], size: Sequence[int]) -> tuple[list[slice], list[slice]]:
    """Which part of an array a window covers, as slices of the array and of the window."""
    here, there = [], []
    for length, first, extent in zip(whole, start, size, strict=True):
        low, high = max(0, first), max(0, first, min(length, first + extent))
        low = min(low, high)
        here.append(slice(low, high))
        there.append(slice(low - first, high - first))
    return here, there

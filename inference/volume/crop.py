"""The part of an image that a model sees whose grid is fitted by ``crop``: what it cuts away it says nothing of."""

from __future__ import annotations

from collections.abc import Sequence

Size = tuple[int, ...]


def centred_crop(source: Sequence[int], aspect: Sequence[int]) -> tuple[Size, Size]:
    """First voxel and size of the largest box about the centre of ``source`` whose sides are to each other as ``aspect``'s.

    Sizes are in whole voxels, at least 1, in the order of the arguments.
    """
    factor = min(n / p for n, p in zip(source, aspect, strict=True))
    taken = scaled_size(aspect, factor, source)
    return tuple((n - t) // 2 for n, t in zip(source, taken, strict=True)), taken


def scaled_size(size: Sequence[int], factor: float, most: Sequence[int]) -> Size:
    """``size`` times ``factor`` in whole voxels, from 1 to ``most``."""
    return tuple(min(limit, max(1, round(n * factor))) for n, limit in zip(size, most, strict=True))

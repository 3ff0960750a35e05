"""A case at a small fixed size, so that any two can be compared whatever their sizes are."""

from __future__ import annotations

from functools import lru_cache

import numpy as np
from numpy.typing import NDArray
from scipy import sparse


def likeness(voxels_ckji: NDArray[np.float32], side: int) -> NDArray[np.float32]:
    """The image at ``side`` x ``side``, a volume at half of that along each axis, less its mean and of length 1.

    The dot product of two likenesses is the correlation of the small images. An image of one value gives zeros.
    """
    grey = voxels_ckji[0] if len(voxels_ckji) == 1 else voxels_ckji.mean(axis=0)
    small = _shrunk(grey, side).astype(np.float64).ravel()
    small -= small.mean()
    length = float(np.linalg.norm(small))
    if length <= 1e-6 * float(np.abs(grey).max()):
        return np.zeros(small.size, dtype=np.float32)
    return (small / length).astype(np.float32)


def covered(labels_kji: NDArray[np.uint8], side: int) -> NDArray[np.bool_]:
    """Where any label lies, at the same size: every cell that one of its voxels reaches."""
    found: NDArray[np.bool_] = _shrunk((labels_kji > 0).astype(np.float32), side) > 0
    return found.ravel()


def _shrunk(values_kji: NDArray[np.float32], side: int) -> NDArray[np.float32]:
    """Each axis in turn is brought to the front and shrunk; after three turns the axes are where they were."""
    image = len(values_kji) == 1
    for size in values_kji.shape:
        wanted = (1 if size == 1 else side) if image else max(4, side // 2)
        flat = _triangles(size, wanted) @ values_kji.reshape(size, -1)
        values_kji = np.moveaxis(flat.reshape(wanted, *values_kji.shape[1:]), 0, -1)
    return values_kji


@lru_cache(maxsize=512)
def _triangles(size: int, side: int) -> sparse.csr_array:
    """(side, size): the weights of bilinear resizing that widens its triangle when it shrinks, so that no voxel is skipped.

    Sparse: a product with a dense matrix of this size would start threads, which costs more than the product.
    """
    step = size / side
    centres = (np.arange(side) + 0.5) * step
    distances = np.abs(np.arange(size) + 0.5 - centres[:, None]) / max(step, 1.0)
    weights = np.maximum(0.0, 1.0 - distances)
    return sparse.csr_array((weights / weights.sum(axis=1, keepdims=True)).astype(np.float32))

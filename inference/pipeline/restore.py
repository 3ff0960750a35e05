"""From scores on the model's grid to labels on the source grid, without ever holding full-resolution scores.

What is computed is the largest class of the trilinearly interpolated scores (``align_corners=False``). Inside a cell of the
model's grid whose corners agree on the largest class every interpolated point agrees too, because interpolation weights are
positive and sum to one; so only cells whose corners disagree are interpolated. The work goes layer by layer of model-grid
cells, so memory does not grow with the number of slices. Where many cells disagree the whole layer is interpolated instead,
which is then cheaper. Both ways give the labels of plain interpolation and argmax, ties aside.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from scipy import ndimage
from torch import Tensor

from inference.manifest import Manifest
from inference.pipeline.prepare import Prepared
from inference.pipeline.window import Progress, silent

BOUNDARY_SHARE = 0.25
"""Above this share of voxels to interpolate, a layer is interpolated whole."""

Labels = NDArray[Any]
"""uint8 up to 255 labels, uint16 beyond."""


@dataclass(frozen=True)
class _Axis:
    """For every index of the fine axis: the two coarse indices around it and the weight of the second."""

    lower: Tensor
    upper: Tensor
    weight: Tensor


def _axis(coarse: int, fine: int) -> _Axis:
    place = ((torch.arange(fine, dtype=torch.float32) + 0.5) * (coarse / fine) - 0.5).clamp_min(0)
    lower = place.floor().long().clamp_max(coarse - 1)
    return _Axis(lower, (lower + 1).clamp_max(coarse - 1), place - lower)


def labels_on_source(scores: Tensor, prepared: Prepared, manifest: Manifest, progress: Progress = silent) -> Labels:
    """The label map on the source grid.

    Parameters
    ----------
    scores : float32 (classes, k, j, i) or (classes, j, i), background first, as ``segment`` returns them.
    prepared : what the scores were computed from.
    progress : told about stage ``restore``.

    Returns
    -------
    uint8 (uint16 beyond 255 labels), (K, J, I) in the source's own order and size; 0 is background, also where the model's
    image doesn't show the source (``grid.fit`` crop).
    """
    fit = prepared.fit
    part = fit.lift(scores)
    flat = part.dim() == 3
    box = upsample_labels(part[:, None] if flat else part, (1, *fit.taken) if flat else fit.taken, progress)
    oriented = fit.on_source(box)
    for value in manifest.postprocess.keep_largest:
        keep_largest(oriented, value)
    return np.ascontiguousarray(prepared.orientation.undo(oriented))


def upsample_labels(
    scores: Tensor, size_kji: Sequence[int], progress: Progress = silent, boundary_share: float = BOUNDARY_SHARE
) -> Labels:
    """The largest class of ``scores`` (classes, k, j, i) interpolated to ``size_kji``, voxel for voxel.

    ``boundary_share`` 0 interpolates every layer whole, 1 never does.
    """
    dtype = torch.uint8 if scores.shape[0] <= 256 else torch.uint16
    winner = scores.argmax(0)
    if tuple(size_kji) == tuple(winner.shape):
        progress("restore", 1.0)
        return winner.to(dtype).numpy()
    k, j, i = (_axis(coarse, fine) for coarse, fine in zip(winner.shape, size_kji, strict=True))
    labels = torch.zeros(tuple(size_kji), dtype=torch.int16 if dtype == torch.uint16 else torch.uint8)
    for layer in torch.unique(k.lower).tolist():
        planes = torch.nonzero(k.lower == layer)[:, 0]
        above = int(k.upper[planes[0]])
        below = scores[:, layer]
        pair = (below, below if above == layer else scores[:, above])
        part = _layer(*pair, winner[layer], winner[above], j, i, k.weight[planes], boundary_share)
        labels[planes] = part.to(labels.dtype)
        progress("restore", (int(planes[-1]) + 1) / size_kji[0])
    return labels.numpy().view(np.uint16) if dtype == torch.uint16 else labels.numpy()


def _layer(
    below: Tensor, above: Tensor, winner_below: Tensor, winner_above: Tensor, j: _Axis, i: _Axis, weights: Tensor, share: float
) -> Tensor:
    """Labels (planes, J, I) between two neighbouring planes of scores (classes, j, i); ``weights`` is that of ``above``."""
    mixed = _mixed(winner_below, winner_above, j, i)
    if float(mixed.float().mean()) > share:
        return _whole_layer(below, above, (len(j.lower), len(i.lower)), weights)
    plain = winner_below[j.lower][:, i.lower].to(torch.int16)
    if not bool(mixed.any()):
        return plain.expand(len(weights), -1, -1)
    rows, columns = torch.nonzero(mixed, as_tuple=True)
    first, second = (_in_plane(plane, j, i, rows, columns) for plane in (below, above))
    labels = plain.repeat(len(weights), 1, 1)
    for number, weight in enumerate(weights):
        labels[number, rows, columns] = _winner_between(first, second, weight)
    return labels


def _mixed(winner_below: Tensor, winner_above: Tensor, j: _Axis, i: _Axis) -> Tensor:
    """Which fine (J, I) columns lie in a cell whose eight corners disagree."""
    low = torch.minimum(winner_below, winner_above)
    high = torch.maximum(winner_below, winner_above)
    low = torch.minimum(low[j.lower], low[j.upper])
    high = torch.maximum(high[j.lower], high[j.upper])
    return torch.minimum(low[:, i.lower], low[:, i.upper]) != torch.maximum(high[:, i.lower], high[:, i.upper])


def _in_plane(plane: Tensor, j: _Axis, i: _Axis, rows: Tensor, columns: Tensor) -> Tensor:
    """Bilinear scores (classes, points) of one plane (classes, j, i) at fine (rows, columns)."""
    across = i.weight[columns]
    flat = plane.flatten(1)
    before, after = j.lower[rows] * plane.shape[2], j.upper[rows] * plane.shape[2]
    left, right = i.lower[columns], i.upper[columns]
    upper = torch.lerp(flat.index_select(1, before + left), flat.index_select(1, before + right), across)
    lower = torch.lerp(flat.index_select(1, after + left), flat.index_select(1, after + right), across)
    return torch.lerp(upper, lower, j.weight[rows])


def _whole_layer(below: Tensor, above: Tensor, size: tuple[int, int], weights: Tensor) -> Tensor:
    """Labels (planes, J, I) with every point interpolated; a plane by itself, as of a single image, is interpolated once."""
    planes = [below] if above is below else [below, above]
    pair = F.interpolate(torch.stack(planes), size=size, mode="bilinear", align_corners=False)
    return torch.stack([_winner_between(pair[0], pair[-1], weight) for weight in weights])


def _winner_between(first: Tensor, second: Tensor, weight: Tensor) -> Tensor:
    """The largest class between two sets of scores (classes, *points); class by class, which argmax over axis 0 is slow at."""
    best = torch.lerp(first[0], second[0], weight)
    winner = torch.zeros(best.shape, dtype=torch.int16)
    for number in range(1, len(first)):
        scores = torch.lerp(first[number], second[number], weight)
        winner = torch.where(scores > best, number, winner)
        best = torch.maximum(best, scores)
    return winner


def keep_largest(labels: Labels, value: int) -> None:
    """Keep of label ``value`` only the largest component (26-neighbourhood), in place; of equals the first."""
    where = ndimage.find_objects((labels == value).view(np.uint8))
    if not where:
        return
    box = labels[where[0]]
    components, count = ndimage.label(box == value, structure=np.ones((3,) * labels.ndim))
    if count > 1:
        sizes = np.bincount(components.ravel())
        sizes[0] = 0
        box[(components != 0) & (components != sizes.argmax())] = 0

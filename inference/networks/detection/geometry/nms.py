"""Suppression of boxes that say the same: greedy, and soft (Bodla 2017). Both are deterministic: of equal scores the first wins.

No more than `MOST_CANDIDATES` boxes, those of the highest scores, are looked at. Memory is bounded by that: the greedy one
compares blocks of `BLOCK` boxes with those kept so far (at most 5 million pairs at a time), the soft one box by box.
"""

from __future__ import annotations

from typing import Literal

import torch
from torch import Tensor

from inference.networks.detection.geometry.boxes import iou, iou_matrix

MOST_CANDIDATES = 20_000
BLOCK = 256

Decay = Literal["linear", "gaussian"]


def nms(boxes: Tensor, scores: Tensor, labels: Tensor | None = None, *, overlap: float = 0.5, most: int | None = None) -> Tensor:
    """Greedy non-maximum suppression.

    Parameters
    ----------
    boxes, scores : (n, 2 d) and (n,).
    labels : whole numbers (n,); boxes of different labels let each other be. None: all alike.
    overlap : a box goes when its IoU with a better one that stays is above this.
    most : how many to keep at most.

    Returns
    -------
    int64 (kept,), indices of the boxes that stay, the best first.
    """
    order = by_score(scores)[:MOST_CANDIDATES]
    kept = order[:0]
    for block in order.split(BLOCK):
        if most is not None and len(kept) >= most:
            break
        fresh = block[~_clashes(boxes, labels, kept, block, overlap).any(dim=0)]
        stays = _greedy(_clashes(boxes, labels, fresh, fresh, overlap))
        kept = torch.cat([kept, fresh[stays]])
    return kept[:most]


def soft_nms(
    boxes: Tensor,
    scores: Tensor,
    labels: Tensor | None = None,
    *,
    decay: Decay = "gaussian",
    overlap: float = 0.5,
    sigma: float = 0.5,
    least: float = 0.001,
    most: int | None = None,
) -> tuple[Tensor, Tensor]:
    """Soft suppression: a box that overlaps a better one of its label keeps a part of its score.

    Bodla, Singh, Chellappa, Davis, "Soft-NMS" (arXiv:1704.04503): ``linear`` multiplies by 1 - IoU where the IoU is above
    ``overlap`` (equation 2), ``gaussian`` by exp(-IoU² / sigma) everywhere (equation 3).

    Parameters
    ----------
    boxes, scores, labels, most : as in `nms`.
    least : boxes whose score has fallen below it go.

    Returns
    -------
    int64 (kept,) indices, and their scores after decay, both the best first.
    """
    left = by_score(scores)[:MOST_CANDIDATES]
    now = scores[left].clone()
    chosen: list[Tensor] = []
    values: list[Tensor] = []
    while len(left) and (most is None or len(chosen) < most):
        best = int(now.argmax())
        if not float(now[best]) >= least:
            break
        chosen.append(left[best])
        values.append(now[best])
        share = _kept_share(iou(boxes[left[best]], boxes[left]), decay, overlap, sigma)
        if labels is not None:
            share = torch.where(labels[left] == labels[left[best]], share, 1.0)
        now = now * share.to(now.dtype)
        others = torch.arange(len(left), device=left.device) != best
        left, now = left[others & (now >= least)], now[others & (now >= least)]
    if not chosen:
        return left[:0], scores[:0]
    return torch.stack(chosen), torch.stack(values)


def by_score(scores: Tensor) -> Tensor:
    """Indices from the highest score to the lowest; equal ones in their order."""
    return torch.sort(scores, descending=True, stable=True).indices


def _clashes(boxes: Tensor, labels: Tensor | None, rows: Tensor, columns: Tensor, overlap: float) -> Tensor:
    """Whether the IoU of each pair is above ``overlap`` and their labels are the same: bool (rows, columns)."""
    over = iou_matrix(boxes[rows], boxes[columns]) > overlap
    return over if labels is None else over & (labels[rows][:, None] == labels[columns][None])


def _greedy(clashes: Tensor) -> Tensor:
    """Which of a block of boxes, best first, no better one that stays clashes with: bool (n,)."""
    table = clashes.cpu().numpy()
    stays = torch.ones(len(table), dtype=torch.bool).numpy()
    for row in range(len(table)):
        if stays[row]:
            stays[row + 1 :] &= ~table[row, row + 1 :]
    return torch.from_numpy(stays).to(clashes.device)


def _kept_share(overlaps: Tensor, decay: Decay, overlap: float, sigma: float) -> Tensor:
    if decay == "linear":
        return torch.where(overlaps > overlap, 1 - overlaps, 1.0)
    return torch.exp(-overlaps.square() / sigma)

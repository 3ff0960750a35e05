"""From scores and boxes to what counts as found."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from inference.networks.detection.geometry.boxes import clip, extended
from inference.networks.detection.geometry.nms import by_score, nms, soft_nms
from inference.networks.detection.records import Detections, Selection


def found(boxes: Tensor, scores: Tensor, size: Sequence[int], selection: Selection) -> tuple[Detections, Tensor]:
    """Threshold, clip and suppress the boxes of one image, each label by itself.

    Parameters
    ----------
    boxes : (P, 2 d), or (P, classes, 2 d) where each label has its own. scores : (P, classes), from 0 to 1.
    size : of the image.

    Returns
    -------
    The detections, and int64 (n,) which of the P each one comes from.
    """
    place, label = torch.nonzero(scores >= selection.score, as_tuple=True)
    value = scores[place, label]
    order = by_score(value)[: selection.candidates]
    place, label, value = place[order], label[order], value[order]
    chosen = clip((boxes[place] if boxes.ndim == 2 else boxes[place, label]).float(), size)
    there = extended(chosen)
    place, label, value, chosen = place[there], label[there], value[there].float(), chosen[there]
    if selection.suppression == "hard":
        kept = nms(chosen, value, label, overlap=selection.overlap, most=selection.most)
        value = value[kept]
    else:
        kept, value = soft_nms(
            chosen,
            value,
            label,
            decay=selection.suppression,
            overlap=selection.overlap,
            least=selection.score,
            most=selection.most,
        )
    return Detections(chosen[kept], value, label[kept] + 1), place[kept]


def propose(
    boxes: Tensor, scores: Tensor, counts: Sequence[int], size: Sequence[int], *, each: int, most: int, overlap: float
) -> Tensor:
    """The boxes of one image that a second stage looks at (Ren et al. 2015, section 3.3; by level as in Lin et al. 2017).

    Parameters
    ----------
    boxes, scores : (P, 2 d) and (P,), level after level. counts : how many each level has.
    each, overlap : the best ``each`` of every level go into suppression at that IoU, level by level. most : how many come out.

    Returns
    -------
    (n, 2 d), within the image and longer than nothing on every axis, the best first.
    """
    picked, level = [], []
    start = 0
    for index, count in enumerate(counts):
        best = start + by_score(scores[start : start + count])[:each]
        picked.append(best)
        level.append(torch.full_like(best, index))
        start += count
    places, levels = torch.cat(picked), torch.cat(level)
    chosen = clip(boxes[places].float(), size)
    there = extended(chosen)
    chosen, levels, places = chosen[there], levels[there], places[there]
    return chosen[nms(chosen, scores[places], levels, overlap=overlap, most=most)]

"""Some of a batch's cases."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from torch import Tensor

from inference.networks.detection import Raw


def rows_of(batch: Any, index: Tensor) -> Any:
    """The cases at ``index`` of a tensor (N, ...), of what a box head of one stage says, or of a list."""
    if isinstance(batch, Tensor):
        return batch.index_select(0, index)
    if isinstance(batch, Raw):
        quality = None if batch.quality is None else batch.quality.index_select(0, index)
        scores, told = batch.scores.index_select(0, index), batch.regressions.index_select(0, index)
        return replace(batch, scores=scores, regressions=told, boxes=batch.boxes.index_select(0, index), quality=quality)
    return [batch[int(place)] for place in index]

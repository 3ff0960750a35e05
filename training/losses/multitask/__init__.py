"""One loss of several tasks' losses."""

from __future__ import annotations

from training.losses.multitask.together import MultiTaskLoss, Target, TaskLoss, Terms, box_loss
from training.losses.multitask.weights import FixedWeights, Kind, UncertaintyWeights

__all__ = ["FixedWeights", "Kind", "MultiTaskLoss", "Target", "TaskLoss", "Terms", "UncertaintyWeights", "box_loss"]

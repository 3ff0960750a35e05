"""The loss of a network of several tasks, of cases of which each may lack the answer to some."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from inference.networks.detection import Raw
from storage.base.errors import InputError
from training.losses.detection import Targets
from training.losses.detection.one_stage import yolo_losses
from training.losses.detection.targets import check
from training.losses.multitask.rows import rows_of

Output = Tensor | Raw
Target = Tensor | Sequence[Targets]
"""Of each case: its row of a tensor, or its objects."""

TaskLoss = Callable[[Any, Any], Tensor]
"""Called with a task's output and target of the cases that have one; returns a number."""


@dataclass(frozen=True, eq=False)
class Terms:
    """The loss to go downhill on, and what it is made of: each task's own, detached, of the tasks with a target."""

    total: Tensor
    losses: Mapping[str, Tensor]


class MultiTaskLoss(nn.Module):
    """Each task's loss over the cases that have its target, then their weighted sum.

    Parameters
    ----------
    tasks : a loss by task, each a mean over cases. weighting : ``FixedWeights`` or ``UncertaintyWeights`` of these tasks.

    A task's loss is the mean over the cases that have a target, however few; where none has, the task is left out, its weight's
    parameter too. The state is the weighting's.
    """

    def __init__(self, tasks: Mapping[str, TaskLoss], weighting: nn.Module) -> None:
        super().__init__()
        self.tasks, self.weighting = dict(tasks), weighting

    def forward(
        self, outputs: Mapping[str, Output], targets: Mapping[str, Target], known: Mapping[str, Tensor] | None = None
    ) -> Terms:
        """The loss of a batch.

        Parameters
        ----------
        outputs : by task, the cases first; of boxes, what their head says. targets : the same, of boxes a list of each case's
            objects; a task without a key has no target in this batch. What stands where a case has no target is of no
            consequence.
        known : bool (N,) by task, which cases have its target; every case where a task isn't named.

        Raises
        ------
        InputError
            Code ``target-missing``: no case has a target of any task; or a target of a task that the network or the loss lacks.
        """
        losses = {}
        for task, target in targets.items():
            if task not in self.tasks or task not in outputs:
                lacking = "loss" if task not in self.tasks else "head"
                raise InputError(
                    f"targets of the task {task}, which has no {lacking}; add one or leave it out", code="target-missing"
                )
            output, rows = outputs[task], (known or {}).get(task)
            if rows is not None and not bool(rows.all()):
                index = torch.nonzero(rows).flatten()
                if not len(index):
                    continue
                output, target = rows_of(output, index), rows_of(target, index)
            losses[task] = self.tasks[task](output, target)
        if not losses:
            raise InputError("no case of the batch has a target of any task; leave such cases out", code="target-missing")
        total: Tensor = self.weighting(losses)
        return Terms(total, {task: loss.detach() for task, loss in losses.items()})


def box_loss(classes: int) -> TaskLoss:
    """The sum of ``yolo``'s terms, for a box head of ``classes`` labels.

    Raises
    ------
    InputError
        Code ``targets-invalid``, when the loss is called: boxes or labels don't fit.
    """

    def loss(raw: Raw, targets: Sequence[Targets]) -> Tensor:
        check(targets, raw, classes)
        return torch.stack(list(yolo_losses(raw, targets, 1, classes).values())).sum()

    return loss

"""The training loop: plain torch, resumable at any step, and deterministic.

Every draw of step n comes from a generator seeded with (seed, n) and every order of cases from (seed, epoch), so a run that
was stopped and resumed ends with the same bytes as one that was not, and no generator state is kept. Validation uses the
averaged weights (EMA), which are also what is exported.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import torch
from torch import nn

from inference.networks import build
from storage.base.clock import Clock, SystemClock
from storage.base.errors import ConfigError
from training.data import GridCase
from training.fit.checkpoint import FORMAT, cases_digest, load_checkpoint, recipe_text, save_checkpoint
from training.fit.duties import duty_of
from training.fit.order import case_order, seeded
from training.fit.processes.ranks import Ranks
from training.fit.processes.team import Task, joined
from training.fit.steps.precision import be_deterministic, choose_device, choose_precision
from training.fit.steps.step import Step
from training.fit.stop import RunStopped
from training.fit.watch import Watch
from training.recipe import Recipe
from training.transfer import Provenance, start

__all__ = ["Report", "Trainer", "case_order", "seeded"]

Report = Callable[[int, dict[str, float]], None]
"""Called after each step with (steps done, figures).

Always loss and learning_rate; every ``fit.log_every`` steps, at a validation and at the end also mean_loss, over the steps since
it was last told; after a validation its figures.
"""


class Trainer:
    """One run, at ``step`` steps done.

    Parameters
    ----------
    recipe : planned; decides everything.
    cases : the training part, on the model's grid, in a fixed order.
    held_out : what is validated on, at most ``fit.validate_cases`` of it.
    device : ``cpu``, ``cuda``, ``cuda:N``.
    ranks : this process among those that fit together; ``Ranks(0, n)`` starts the others while it runs.

    Attributes
    ----------
    duty : what the recipe's task adds to the loop. watch : what follows each step, with the held-out cases.
    provenance : of the weights that the run started from, or None.
    precision : the number format of the forward pass, with its reason.
    finished : whether the last step was done, or the run ended early.
    """

    def __init__(
        self,
        recipe: Recipe,
        cases: Sequence[GridCase],
        held_out: Sequence[GridCase] = (),
        device: str = "cpu",
        ranks: Ranks | None = None,
        clock: Clock | None = None,
    ) -> None:
        self.device = choose_device(device)
        be_deterministic(self.device)
        torch.manual_seed(recipe.seed)
        self.recipe, self.cases, self.ranks = recipe, cases, ranks or Ranks()
        self.precision = choose_precision(recipe.fit.precision, self.device)
        self.step, self.finished = 0, False
        described = recipe.manifest().network
        self.duty, network = duty_of(recipe), build(described.name, described.arguments)
        self.provenance: Provenance | None = start(network, recipe.transfer) if recipe.transfer else None
        self._step = Step(recipe, network, self.duty, cases, self.device, self.precision, self.ranks)
        self.watch = Watch(recipe, held_out, self.duty, self.device, clock or SystemClock())

    @property
    def network(self) -> nn.Module:
        """The network as the last step left it."""
        return self._step.network

    @property
    def averaged(self) -> nn.Module:
        """What is exported: of the last step, or of the best validation once a run that keeps it is ``finished``."""
        return self._step.averaged

    def run(
        self, report: Report, checkpoint: Path | None = None, until: int | None = None, stop: Callable[[], str] = lambda: ""
    ) -> None:
        """Go on to step ``until`` (the recipe's last by default), saving to ``checkpoint`` now and then, after the report.

        Parameters
        ----------
        stop : asked after each step; a reason ends the run there.

        Raises
        ------
        ConfigError
            Code ``loss-not-finite``: the run diverged.
        TransientError
            Code ``checkpoint-unwritable``, or ``process-lost``: one of several processes ended.
        RunStopped
            ``stop`` gave a reason; the checkpoint holds the step that the run stopped at.
        """
        last = self.recipe.fit.extent.steps if until is None else min(until, self.recipe.fit.extent.steps)
        if self.finished or self.step >= last:
            return
        with joined(Task(self.recipe, self.cases, self.state(), last, self.ranks, self.device)):
            while not self.finished and self.step < last:
                figures = self._step.advance(self.step)
                self.step += 1
                self.finished = self.watch.take(self.step, figures, self.averaged, self.ranks.first)
                reason = stop() if self.ranks.first else ""
                self.finished, stopping = self.ranks.told(self.finished, bool(reason))
                if self.finished and self.watch.follower.weights is not None:
                    self.averaged.load_state_dict(self.watch.follower.weights)
                report(self.step, figures)
                due = self.finished or stopping or self.step % self.recipe.fit.checkpoint_every == 0
                if checkpoint is not None and due:
                    save_checkpoint(checkpoint, self.state())
                if stopping and not self.finished:
                    raise RunStopped(reason, self.step, checkpoint)

    def state(self) -> dict[str, Any]:
        """All that ``resume`` needs, as plain tensors, numbers and text."""
        return {
            "format": FORMAT,
            "recipe": recipe_text(self.recipe),
            "cases": cases_digest(self.cases),
            "step": self.step,
            "finished": self.finished,
            **self.watch.state(),
            **self._step.state(),
        }

    def resume(self, checkpoint: Path) -> None:
        """Take up a run from the state in ``checkpoint``.

        Raises
        ------
        ConfigError
            The file is damaged or belongs to another recipe or other cases.
        """
        state = load_checkpoint(checkpoint, self.state())
        try:
            self._step.load(state)
        except (RuntimeError, ValueError) as error:
            message = f"{checkpoint}: the checkpoint of another network; remove the file to begin anew"
            raise ConfigError(message, code="checkpoint-invalid") from error
        self.watch.load(state)
        self.step, self.finished = int(state["step"]), bool(state["finished"])

"""One optimiser step on one process, and all that it leaves behind: network, average, duty, optimiser, loss scale."""

from __future__ import annotations

import copy
from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor, nn

from training.data import GridCase
from training.fit.duties import Drawn, Duty
from training.fit.order import LOSSES, STEPS, number, seeded
from training.fit.processes.ranks import Ranks
from training.fit.steps.average import average
from training.fit.steps.batches import Batches
from training.fit.steps.layout import memory_format
from training.fit.steps.lesson import Exchange, Lesson
from training.fit.steps.optimize import check_finite, make_optimizer, optimize, set_rates
from training.fit.steps.placing import placed
from training.fit.steps.precision import Precision
from training.recipe import Recipe
from training.transfer import hold


class Step:
    """Advances a network, step by step.

    Attributes
    ----------
    network, averaged : the network that learns, and its average in evaluation mode. ``duty`` says what it learns.
    """

    def __init__(
        self,
        recipe: Recipe,
        network: nn.Module,
        duty: Duty,
        cases: Sequence[GridCase],
        device: torch.device,
        precision: Precision,
        ranks: Ranks,
    ) -> None:
        self._recipe, self._device, self._precision, self._ranks = recipe, device, precision, ranks
        self._format = memory_format(network, len(recipe.fit.extent.patch), recipe.fit.channels_last)
        self.network: nn.Module = network.to(device).to(memory_format=self._format)  # type: ignore[call-overload]
        self.averaged: nn.Module = copy.deepcopy(self.network).eval()
        self._duty = duty.to(device)
        self._optimizer = make_optimizer(self.network, duty, recipe)
        self._scaler = torch.amp.GradScaler(device.type, enabled=precision.name == "fp16")
        self._batches = Batches(duty, placed(cases, device), ranks)
        self._exchange = Exchange(Lesson(self.network, duty, precision, device), ranks)

    def advance(self, step: int) -> dict[str, float]:
        """Take step number ``step``, whose chance in the network (dropout) follows from (seed, step, process) too.

        Returns
        -------
        ``loss``, the mean over the step's batches and the processes, and ``learning_rate``.

        Raises
        ------
        ConfigError
            Code ``loss-not-finite``: naming the step and the mend.
        """
        fit = self._recipe.fit
        torch.manual_seed(number(self._recipe.seed, STEPS, step, self._ranks.number))
        self.network.train()
        hold(self.network, self._recipe.transfer, step)
        rate = set_rates(self._optimizer, self._recipe, step)
        self._optimizer.zero_grad()
        losses = [self._backward(drawn, step, turn) for turn, drawn in enumerate(self._batches.of_step(step))]
        loss = float(self._ranks.mean(torch.stack(losses).mean()))
        norm = optimize([*self.network.parameters(), *self._duty.parameters()], self._optimizer, self._scaler, fit.clip_norm)
        check_finite(step, loss, norm, self._scaler.is_enabled())
        self._ranks.share_statistics(self.network)
        average(self.averaged, self.network, fit.ema_decay, step)
        return {"loss": loss, "learning_rate": rate}

    def _backward(self, drawn: Drawn, step: int, turn: int) -> Tensor:
        accumulate = self._recipe.fit.accumulate
        generator = seeded(self._recipe.seed, LOSSES, step, turn, self._ranks.number)
        with self._exchange.hold_back(turn + 1 < accumulate):
            loss = self._exchange.loss(drawn.to(self._device, self._format), generator)
            self._scaler.scale(loss / accumulate).backward()
        return loss.detach()

    def state(self) -> dict[str, Any]:
        """All that ``load`` needs, as plain tensors and numbers."""
        return {
            "network": self.network.state_dict(),
            "averaged": self.averaged.state_dict(),
            "duty": self._duty.state_dict(),
            "optimizer": self._optimizer.state_dict(),
            "scaler": self._scaler.state_dict(),
        }

    def load(self, state: dict[str, Any]) -> None:
        """Take over a state; RuntimeError or ValueError when it is another network's."""
        self.network.load_state_dict(state["network"])
        self.averaged.load_state_dict(state["averaged"])
        self._duty.load_state_dict(state.get("duty", {}))  # checkpoints from before duties had a state
        self._optimizer.load_state_dict(state["optimizer"])
        self._scaler.load_state_dict(state["scaler"])

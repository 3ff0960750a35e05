"""The training loop: plain torch, resumable at any step, and deterministic.

Every draw of step n comes from a generator seeded with (seed, n) and every order of cases from (seed, epoch), so a run that
was stopped and resumed ends with the same bytes as one that was not, and no generator state is kept. Validation uses the
averaged weights (EMA), which are also what is exported.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from inference.networks import build
from storage.base.clock import Clock, SystemClock
from storage.base.errors import ConfigError
from training.data import GridCase
from training.fit.average import average
from training.fit.batches import Batches, memory_format
from training.fit.checkpoint import FORMAT, cases_digest, load_checkpoint, recipe_text, save_checkpoint
from training.fit.forward import Exchange, Scales, loss_of
from training.fit.optimize import check_finite, make_optimizer, optimize, set_rates
from training.fit.order import STEPS, case_order, number, seeded
from training.fit.precision import choose_device, choose_precision
from training.fit.ranks import Ranks
from training.fit.stopping import Follower
from training.fit.validate import chosen, validate
from training.recipe import Recipe
from training.transfer import Provenance, hold, start

__all__ = ["Report", "Trainer", "case_order", "seeded"]

Report = Callable[[int, dict[str, float]], None]
"""Called after each step with (steps done, figures): loss, learning_rate, and those of a validation after one."""


class Trainer:
    """Network, averaged network and optimiser of one run, at ``step`` steps done.

    Parameters
    ----------
    recipe : planned; decides everything.
    cases : the training part, on the model's grid, in a fixed order.
    held_out : what is validated on, at most ``fit.validate_cases`` of it.
    device : ``cpu``, ``cuda``, ``cuda:N``.
    ranks : this process among those that fit together.

    Attributes
    ----------
    averaged : the network that is exported: of the last step, or of the best validation once a run that keeps it is ``finished``.
    provenance : of the weights that the run started from, or None.
    precision : the number format of the forward pass, with its reason.
    validation_s : seconds spent in validations since this object was made.
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
        _be_deterministic(self.device)
        torch.manual_seed(recipe.seed)
        self.recipe, self.cases, self.ranks = recipe, cases, ranks or Ranks()
        self.held_out = chosen(held_out, recipe.fit.validate_cases, recipe.seed)
        self.precision = choose_precision(recipe.fit.precision, self.device)
        self.step, self.finished, self.validation_s = 0, False, 0.0
        self._manifest, self._clock = recipe.manifest(), clock or SystemClock()
        network = build(self._manifest.network.name, self._manifest.network.arguments)
        self.provenance: Provenance | None = start(network, recipe.transfer) if recipe.transfer else None
        self._format = memory_format(len(recipe.fit.extent.patch), recipe.fit.channels_last)
        self.network = network.to(self.device).to(memory_format=self._format)  # type: ignore[call-overload]
        self.averaged = copy.deepcopy(self.network).eval()
        self.optimizer = make_optimizer(self.network, recipe)
        self._scaler = torch.amp.GradScaler(self.device.type, enabled=self.precision.name == "fp16")
        self.follower = Follower()
        self._batches = Batches(recipe, cases, self.ranks)
        self._exchange, self._loss = Exchange(Scales(self.network, recipe), self.ranks), loss_of(recipe)

    def run(self, report: Report, checkpoint: Path | None = None, until: int | None = None) -> None:
        """Go on to step ``until`` (the recipe's last by default), saving to ``checkpoint`` now and then, after the report.

        Raises
        ------
        ConfigError
            Code ``loss-not-finite``: the run diverged.
        TransientError
            Code ``checkpoint-unwritable``.
        """
        fit, last = self.recipe.fit, self.recipe.fit.extent.steps
        while not self.finished and self.step < (last if until is None else until):
            figures = self._advance(self.step)
            self.step += 1
            ends = self.step == last
            if self.held_out and (ends or self.step % fit.validate_every == 0):
                found = self.validate()
                figures |= found
                ends |= self.follower.take(self.step, found, self.averaged, fit)
            if ends:
                self._finish()
            report(self.step, figures)
            if checkpoint is not None and (ends or self.step % fit.checkpoint_every == 0):
                save_checkpoint(checkpoint, self.state())

    def validate(self) -> dict[str, float]:
        """Figures of the averaged weights on the held-out cases."""
        started_s = self._clock.monotonic_s()
        figures = validate(self.averaged, self.held_out, self._manifest, self.device)
        self.validation_s += self._clock.monotonic_s() - started_s
        return figures

    def _advance(self, step: int) -> dict[str, float]:
        """One optimiser step, whose randomness in the network (dropout) is seeded by (seed, step, process) as well."""
        fit = self.recipe.fit
        torch.manual_seed(number(self.recipe.seed, STEPS, step, self.ranks.number))
        self.network.train()
        hold(self.network, self.recipe.transfer, step)
        rate = set_rates(self.optimizer, self.recipe, step)
        self.optimizer.zero_grad()
        losses = [self._backward(batch, turn + 1 < fit.accumulate) for turn, batch in enumerate(self._batches.of_step(step))]
        loss = float(self.ranks.mean(torch.stack(losses).mean()))
        norm = optimize(self.network, self.optimizer, self._scaler, fit.clip_norm)
        check_finite(step, loss, norm, self._scaler.is_enabled())
        self.ranks.share_statistics(self.network)
        average(self.averaged, self.network, fit.ema_decay, step)
        return {"loss": loss, "learning_rate": rate}

    def _backward(self, batch: tuple[Tensor, Tensor], more_follow: bool) -> Tensor:
        images, targets = (tensor.to(self.device, non_blocking=True) for tensor in batch)
        with self._exchange.hold_back(more_follow):
            with self.precision.autocast(self.device):
                logits = self._exchange.forward(images.contiguous(memory_format=self._format))
            loss = self._loss(logits, targets)
            self._scaler.scale(loss / self.recipe.fit.accumulate).backward()
        return loss.detach()

    def _finish(self) -> None:
        self.finished = True
        if self.follower.weights is not None:
            self.averaged.load_state_dict(self.follower.weights)

    def state(self) -> dict[str, Any]:
        """All that ``resume`` needs, as plain tensors, numbers and text."""
        return {
            "format": FORMAT,
            "recipe": recipe_text(self.recipe),
            "cases": cases_digest(self.cases),
            "step": self.step,
            "finished": self.finished,
            "network": self.network.state_dict(),
            "averaged": self.averaged.state_dict(),
            "optimizer": self.optimizer.state_dict(),
            "scaler": self._scaler.state_dict(),
            "follower": self.follower.state(),
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
            self.network.load_state_dict(state["network"])
            self.averaged.load_state_dict(state["averaged"])
            self.optimizer.load_state_dict(state["optimizer"])
        except (RuntimeError, ValueError) as error:
            message = f"{checkpoint}: the checkpoint of another network; remove the file to begin anew"
            raise ConfigError(message, code="checkpoint-invalid") from error
        self._scaler.load_state_dict(state["scaler"])
        self.follower = Follower(**state["follower"])
        self.step, self.finished = int(state["step"]), bool(state["finished"])


def _be_deterministic(device: torch.device) -> None:
    """Only algorithms with one outcome; on CUDA, where some have no such kernel, PyTorch warns instead."""
    torch.use_deterministic_algorithms(True, warn_only=device.type != "cpu")
    # a debugging aid of torch's, on with deterministic algorithms: fills every new tensor, at a tenth of the time or more
    torch.utils.deterministic.fill_uninitialized_memory = False  # type: ignore[attr-defined]

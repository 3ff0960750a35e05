"""The training loop: plain torch, resumable at any step, and deterministic.

Every draw of step n comes from a generator seeded with (seed, n) and every order of cases from (seed, epoch), so a run that
was stopped and resumed ends with the same bytes as one that was not, and no generator state is kept. Validation uses the
averaged weights (EMA), which are also what is exported. Absent on purpose: mixed precision (on a CPU without bfloat16
instructions it is tens of times slower), several devices.
"""

from __future__ import annotations

import copy
import hashlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from torch import Generator, Tensor, nn

from inference.networks import build
from training.augment.patches import draw_patch
from training.data import GridCase
from training.fit.checkpoint import load_checkpoint, save_checkpoint
from training.fit.schedule import learning_rate
from training.losses.dice import segmentation_loss
from training.recipe import Recipe

Report = Callable[[int, dict[str, float]], None]
"""Called after each step with (steps done, {"loss": …, "learning_rate": …})."""


def seeded(*parts: int) -> Generator:
    """A generator that depends on ``parts`` alone."""
    text = ",".join(str(part) for part in parts)
    return Generator().manual_seed(int.from_bytes(hashlib.sha256(text.encode()).digest()[:7]))


def case_order(seed: int, epoch: int, count: int) -> list[int]:
    """The order of ``count`` cases in one epoch."""
    order: list[int] = torch.randperm(count, generator=seeded(seed, 1, epoch)).tolist()
    return order


class Trainer:
    """Network, averaged network and optimiser of one run, at ``step`` steps done.

    Parameters
    ----------
    recipe : decides everything.
    cases : the training part, on the model's grid, in a fixed order.
    """

    def __init__(self, recipe: Recipe, cases: list[GridCase]) -> None:
        torch.use_deterministic_algorithms(True)
        # a debugging aid of torch's, on with deterministic algorithms: fills every new tensor, at a tenth of the time or more
        torch.utils.deterministic.fill_uninitialized_memory = False  # type: ignore[attr-defined]
        torch.manual_seed(recipe.seed)
        manifest = recipe.manifest()
        self.recipe = recipe
        self.cases = cases
        self.step = 0
        self.network = build(manifest.network.name, manifest.network.arguments)
        self._dims = len(recipe.fit.extent.patch)
        self.network.to(memory_format=self._format)  # type: ignore[call-overload]
        self.averaged = copy.deepcopy(self.network).eval()
        self.optimizer = torch.optim.AdamW(self.network.parameters(), lr=0.0, weight_decay=recipe.fit.weight_decay)

    @property
    def _format(self) -> torch.memory_format:
        return torch.channels_last_3d if self._dims == 3 else torch.channels_last

    def run(self, report: Report, checkpoint: Path | None = None, until: int | None = None) -> None:
        """Go on to step ``until`` (the recipe's last by default), saving to ``checkpoint`` now and then."""
        fit = self.recipe.fit
        self.network.train()
        for step in range(self.step, fit.extent.steps if until is None else until):
            loss = self._advance(step)
            self.step = step + 1
            if checkpoint is not None and (self.step % fit.checkpoint_every == 0 or self.step == fit.extent.steps):
                save_checkpoint(checkpoint, self.state())
            report(self.step, {"loss": loss, "learning_rate": learning_rate(step, fit)})

    def _advance(self, step: int) -> float:
        images, targets = self._batch(step)
        for group in self.optimizer.param_groups:
            group["lr"] = learning_rate(step, self.recipe.fit)
        loss = segmentation_loss(self.network(images), targets, self.recipe.loss.class_weights)
        self.optimizer.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(self.network.parameters(), 12.0)
        self.optimizer.step()
        self._average(step)
        return float(loss.detach())

    def _batch(self, step: int) -> tuple[Tensor, Tensor]:
        """Images (N, C, *patch) and targets (N, *patch) of one step: the next cases in the epochs' orders."""
        extent = self.recipe.fit.extent
        patches = []
        for slot in range(step * extent.batch, (step + 1) * extent.batch):
            epoch, place = divmod(slot, len(self.cases))
            case = self.cases[case_order(self.recipe.seed, epoch, len(self.cases))[place]]
            generator = seeded(self.recipe.seed, 2, slot)
            patches.append(draw_patch(case.image, case.mask, self.recipe.classes, extent.patch, self.recipe.augment, generator))
        images = torch.stack([image for image, _ in patches]).contiguous(memory_format=self._format)
        return images, torch.stack([target for _, target in patches])

    @torch.no_grad()
    def _average(self, step: int) -> None:
        """Move the averaged weights and statistics towards the network's; faster at first."""
        decay = min(self.recipe.fit.ema_decay, (1 + step) / (10 + step))
        latest = self.network.state_dict()
        for key, value in self.averaged.state_dict().items():
            if value.is_floating_point():
                value.lerp_(latest[key], 1 - decay)
            else:
                value.copy_(latest[key])

    def state(self) -> dict[str, Any]:
        """All that ``resume`` needs, as plain tensors and numbers."""
        return {
            "step": self.step,
            "network": self.network.state_dict(),
            "averaged": self.averaged.state_dict(),
            "optimizer": self.optimizer.state_dict(),
        }

    def resume(self, checkpoint: Path) -> None:
        """Take up a run from the state in ``checkpoint``.

        Raises
        ------
        ConfigError
            The file is damaged or belongs to another recipe.
        """
        state = load_checkpoint(checkpoint, self.state())
        self.network.load_state_dict(state["network"])
        self.averaged.load_state_dict(state["averaged"])
        self.optimizer.load_state_dict(state["optimizer"])
        self.step = int(state["step"])

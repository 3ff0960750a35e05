"""How the weights are fitted."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Literal

from pydantic import Field

from storage.base.errors import ConfigError
from training.recipe.base import Auto, Part

Count = Annotated[int, Field(ge=1)]


@dataclass(frozen=True)
class Extent:
    """How much a planned run fits: optimiser steps, samples a batch, the patch's size on the model's grid."""

    steps: int
    batch: int
    patch: tuple[int, ...]


class Schedule(Part):
    """The learning rate over the steps: linear warm-up, then cosine, poly or constant towards ``over_steps`` (the run's end when
    0), and over the last ``cooldown_steps`` also linearly down to zero.
    """

    kind: Literal["cosine", "poly", "constant"] = "cosine"
    warmup_steps: int = Field(default=100, ge=0)
    over_steps: int = Field(default=0, ge=0)
    cooldown_steps: int = Field(default=0, ge=0)
    power: float = Field(default=0.9, gt=0)


class EarlyStopping(Part):
    """End the run when ``patience`` validations in a row bring no figure that is better by ``least_gain``."""

    patience: int = Field(ge=1)
    least_gain: float = Field(default=0.0, ge=0)


class Fit(Part):
    """Optimiser, batches, precision. ``steps`` count optimiser steps; each sees ``batch`` x ``accumulate`` samples.

    ``batch`` is of all processes together. ``foreground_share``: of patches centred on a label. ``balance_classes``: classes take
    turns, however rare. ``keep``: the last averaged weights, or those of the best validation, which sees
    ``validate_cases`` at most.
    """

    steps: Count | Auto = "auto"
    batch: Count | Auto = "auto"
    patch: tuple[int, ...] | Auto = "auto"
    accumulate: int = Field(default=1, ge=1)
    optimizer: Literal["adamw", "sgd"] = "adamw"
    learning_rate: float = Field(gt=0)
    momentum: float = Field(default=0.99, ge=0, lt=1)
    weight_decay: float = Field(default=0.01, ge=0)
    schedule: Schedule = Schedule()
    clip_norm: float = Field(default=12.0, gt=0)
    ema_decay: float = Field(default=0.999, ge=0, lt=1)
    precision: Literal["float32", "bf16", "fp16", "auto"] = "float32"
    channels_last: bool = True
    deep_supervision: bool = False
    foreground_share: float = Field(default=0.0, ge=0, le=1)
    balance_classes: bool = False
    keep: Literal["last", "best"] = "last"
    early_stopping: EarlyStopping | None = None
    validate_every: int = Field(default=500, ge=1)
    validate_cases: int = Field(default=100, ge=1)
    checkpoint_every: int = Field(default=100, ge=1)
    log_every: int = Field(default=20, ge=1)

    @property
    def extent(self) -> Extent:
        """Steps, batch and patch of a planned run.

        Raises
        ------
        ConfigError
            Code ``recipe-unplanned``: one of them is still ``auto``.
        """
        if self.steps == "auto" or self.batch == "auto" or self.patch == "auto":
            raise ConfigError("fit.steps, fit.batch or fit.patch is auto: make a plan first", code="recipe-unplanned")
        return Extent(self.steps, self.batch, self.patch)

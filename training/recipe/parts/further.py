"""The sections that a short recipe leaves out: budget, transfer, ensemble, evaluation."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from training.recipe.base import Part


class Budget(Part):
    """What a run may cost on the machine it starts on.

    ``seconds`` of fitting, all folds together, are turned into steps once, in the run's plan, where ``fit.steps`` is auto; beside
    a number of steps they are refused. ``memory_gb`` of a step bounds patch and batch where they are auto, and is refused to a
    recipe whose own need more; 8 where none is stated.
    """

    seconds: float | None = Field(default=None, gt=0)
    memory_gb: float | None = Field(default=None, gt=0)


class Transfer(Part):
    """Starting weights: a package's folder, or a safetensors file whose ``licence`` must be stated (a package says its own).

    ``freeze``: how many stages from the input stay as they are. ``layer_rate``: by what factor each stage nearer to the
    input learns slower.
    """

    weights: str
    licence: str = ""
    attribution: str = ""
    strip_prefix: str = ""
    freeze: int = Field(default=0, ge=0)
    freeze_steps: int | None = Field(default=None, ge=1)
    layer_rate: float = Field(default=1.0, gt=0, le=1)


class Ensemble(Part):
    """``folds``: one member for each fold of training and validation part together, in one package. ``combine``: by the mean of
    their scores, or of their weights into one network. ``average_last``: of each member, the mean weights of so many last
    checkpoints.
    """

    folds: int = Field(default=0, ge=0)
    combine: Literal["scores", "weights"] = "scores"
    average_last: int = Field(default=0, ge=0)


class Evaluation(Part):
    """What the report shows beside the headline figures. ``baseline``: a simple method on the same cases; ``uptake`` marks what
    reaches 41 % of the greatest uptake in the input of modality PT, true a rule that is learnt from the training part.

    ``calibrate``: fit a classifier's temperature and thresholds to held-out cases, where ``package.classification`` states none.
    """

    subgroups: tuple[str, ...] = ()
    size_bands: int = Field(default=3, ge=0)
    bootstrap: int = Field(default=2000, ge=0)
    surface_tolerance_mm: float = Field(default=1.0, gt=0)
    specificity: float = Field(default=0.9, gt=0, lt=1)
    worst_cases: int = Field(default=6, ge=0)
    calibrate: bool = True
    baseline: bool | Literal["uptake"] = True

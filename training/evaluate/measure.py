"""Measures a package, as the node would run it, on one part of a recipe's data.

Every case goes through ``inference.engine`` from its own grid and back onto it. Where a model learnt mirrored, each case is
measured a second time with its voxels mirrored from left to right; where inputs are optional, once more without each of them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace

from inference.engine.heads import models_of_heads
from inference.engine.package import LoadedModel
from storage.base.clock import Clock, SystemClock
from storage.base.errors import ConfigError
from training.data.case import Case
from training.evaluate.baselines.fit import Baseline
from training.evaluate.box_work import BoxWork
from training.evaluate.cost import Meter, parameters
from training.evaluate.heads import HeadsWork
from training.evaluate.options import Options, length_unit
from training.evaluate.results import AS_IS, MIRRORED, WITHOUT, Evaluation, Subject
from training.evaluate.served import mirrored
from training.evaluate.work import ClassWork, MaskWork, Work
from training.recipe import Recipe

__all__ = ["Evaluation", "evaluate", "mirrored"]


_WORKS: dict[str, type[Work]] = {"segmentation": MaskWork, "classification": ClassWork, "detection": BoxWork}


def evaluate(
    model: LoadedModel,
    recipe: Recipe,
    cases: Iterable[Case],
    done: Callable[[], None] = lambda: None,
    *,
    baseline: Baseline | Mapping[str, Baseline] | None = None,
    clock: Clock | None = None,
) -> Evaluation:
    """All figures of a package on these cases, with intervals, charts and pictures of its worst.

    Parameters
    ----------
    cases : of the test part; they have masks or classes, as the package's task asks. Read once.
    done : called after each case.
    baseline : from ``fit_baseline``, of several tasks one by head; measured on the same cases beside the package.

    Raises
    ------
    ConfigError
        Code ``no-data``: there are no cases.
    """
    clock = clock or SystemClock()
    works = [_work(alone, recipe, _of_head(baseline, head), clock) for head, alone in models_of_heads(model).items()]
    work = works[0] if len(works) == 1 else HeadsWork(_subject(model, recipe), works)
    with Meter(clock) as meter:
        for case in cases:
            work.take(case)
            done()
    if not work.cases:
        raise ConfigError("the test part holds no cases; check data.split and --data", code="no-data")
    return replace(work.finish(), cost=meter.cost)


def _work(model: LoadedModel, recipe: Recipe, baseline: Baseline | None, clock: Clock) -> Work:
    """Of a package of one task, or of one head of several."""
    ways = (AS_IS, MIRRORED) if recipe.augment.mirror_axes else (AS_IS,)
    ways = (*ways, *(WITHOUT + wanted.name for wanted in model.manifest.inputs if wanted.optional))
    run = _WORKS[model.manifest.task]
    return run(model, _subject(model, recipe), Options.of(recipe), ways, baseline, clock)


def _of_head(baseline: Baseline | Mapping[str, Baseline] | None, head: str) -> Baseline | None:
    return baseline.get(head) if isinstance(baseline, Mapping) else baseline


def _subject(model: LoadedModel, recipe: Recipe) -> Subject:
    manifest, unit = model.manifest, length_unit(recipe)
    return Subject(
        task=manifest.task,
        name=manifest.name,
        version=manifest.version,
        title=manifest.title,
        digest=model.digest,
        labels=tuple(label.name for label in manifest.labels),
        classes=tuple(label.name for label in manifest.classes),
        parameters=sum(parameters(network) for network in model.networks),
        length_unit=unit,
        size_unit=f"{unit}{len(manifest.grid.patch)}",
        tolerance=recipe.evaluation.surface_tolerance_mm,
        specificity=recipe.evaluation.specificity,
    )

"""One training run from recipe to measured package, in one folder that a stopped run is taken up from.

The folder holds ``checkpoint.pt``, ``metrics.csv`` (loss and learning rate every few steps, validation Dice), ``metrics.json``
(test figures) and ``package/NAME``. Time is told by the injected clock.
"""

from __future__ import annotations

import csv
import json
from pathlib import Path

import numpy as np
import torch

from inference.engine.segmenter import load_package
from inference.pipeline.window import slide
from storage.base.clock import Clock
from storage.base.errors import ConfigError
from training.data import GridCase, grid_case, read_cases
from training.evaluate.dice import dice
from training.evaluate.measure import Evaluation, evaluate
from training.export.package import export_package, write_card
from training.fit.trainer import Trainer
from training.recipe import Recipe
from training.run.progress import Track

_LOG_EVERY = 20


def train(recipe: Recipe, out: Path, data: Path | None, clock: Clock, track: Track) -> tuple[Path, Evaluation]:
    """Fit, export, measure.

    Parameters
    ----------
    out : the run's folder; a checkpoint in it is taken up.
    data : folder of NIfTI data, where the recipe needs one.

    Returns
    -------
    The package's folder and its figures on the test part.

    Raises
    ------
    ConfigError
        Data, folder or checkpoint can't be used; the message names it and the mend.
    """
    started_s = clock.monotonic_s()
    try:
        out.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise ConfigError(f"{out}: can't be made ({error.strerror}); name another --out", code="not-writable") from error
    cases = [grid_case(case, recipe) for case in track.cases("reading", read_cases(recipe, "train", data))]
    held_out = [grid_case(case, recipe) for case in track.cases("reading", read_cases(recipe, "validate", data))]
    trainer = Trainer(recipe, cases)
    checkpoint = out / "checkpoint.pt"
    if checkpoint.exists():
        trainer.resume(checkpoint)
    _fit(trainer, held_out, out, track)
    package = out / "package" / recipe.manifest().name
    export_package(recipe, trainer.averaged, package)
    evaluation = measure(recipe, package, data, track)
    facts = {"steps": trainer.step, "seconds": round(clock.monotonic_s() - started_s, 1), "threads": torch.get_num_threads()}
    (out / "metrics.json").write_text(json.dumps({**facts, **evaluation.document()}, indent=2) + "\n", encoding="utf-8")
    write_card(recipe, evaluation, package)
    return package, evaluation


def measure(recipe: Recipe, package: Path, data: Path | None, track: Track) -> Evaluation:
    """Figures of a package on the recipe's test part."""
    cases = read_cases(recipe, "test", data)
    return evaluate(load_package(package), recipe, track.cases("testing", cases))


def _fit(trainer: Trainer, held_out: list[GridCase], out: Path, track: Track) -> None:
    """Run all steps, with a row in ``metrics.csv`` now and then."""
    names = [label.name for label in trainer.recipe.manifest().labels]
    path = out / "metrics.csv"
    fresh = trainer.step == 0 or not path.exists()
    with path.open("w" if fresh else "a", newline="", encoding="utf-8") as stream, track.steps(trainer) as advance:
        rows = csv.writer(stream)
        if fresh:
            rows.writerow(["step", "loss", "learning_rate", *names])

        def report(step: int, figures: dict[str, float]) -> None:
            advance(step, figures["loss"])
            validates = step % trainer.recipe.fit.validate_every == 0
            if validates or step % _LOG_EVERY == 0:
                scores = validate(trainer, held_out) if validates else [""] * len(names)
                rows.writerow([step, round(figures["loss"], 5), figures["learning_rate"], *scores])
                stream.flush()

        trainer.run(report, out / "checkpoint.pt")


def validate(trainer: Trainer, cases: list[GridCase]) -> list[float]:
    """Mean Dice per label on the model's grid, by the averaged weights, without mirrored passes."""
    manifest = trainer.recipe.manifest()
    with torch.inference_mode():
        found = [slide(trainer.averaged, case.image[None], manifest)[0].argmax(0).numpy() for case in cases]
    pairs = [(labels, case.mask.numpy()) for labels, case in zip(found, cases, strict=True)]
    return [round(float(np.mean([dice(ours, truth, label.value) for ours, truth in pairs])), 4) for label in manifest.labels]

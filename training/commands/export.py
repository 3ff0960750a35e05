"""``export``: the package of a run as far as it has come, unmeasured."""

from __future__ import annotations

from pathlib import Path

from rich.console import Console

from storage.base.errors import ConfigError
from training.export.package import export_package
from training.fit.trainer import Trainer
from training.plan import read_plan
from training.recipe import read_recipe
from training.run.folder import RunFolder
from training.run.networks import fold_recipe
from training.run.terms import carried_over
from training.transfer import provenance_of


def run(recipe: Path, profile: str, run_folder: Path, out: Path, progress: Console) -> None:
    """Write the package of the checkpoint; of an ensemble, of every member that has begun. It gets no model card."""
    folder, content = RunFolder(run_folder), read_recipe(recipe, profile)
    if content.ensemble.combine == "weights":
        message = "ensemble.combine: a mean of weights needs the training part, for batch norm's statistics; let train finish it"
        raise ConfigError(message, code="export-unsupported")
    planned = read_plan(folder.plan, content).recipe if folder.plan.exists() or content.open_keys else content
    ready = carried_over(planned, provenance_of(planned.transfer) if planned.transfer else None)
    folds = range(1, ready.ensemble.folds + 1)
    places = [RunFolder(run_folder / f"fold-{number}") for number in folds] if folds else [folder]
    found = [place for place in places if place.checkpoint.is_file()]
    if not found:
        raise ConfigError(f"{run_folder}: no checkpoint in it; name the folder of a run that has begun", code="no-checkpoint")
    trainers = []
    for place in found:
        trainer = Trainer(fold_recipe(ready, int(place.path.name.removeprefix("fold-"))) if ready.ensemble.folds else ready, [])
        trainer.resume(place.checkpoint)
        trainers.append(trainer)
    export_package(ready, [trainer.averaged for trainer in trainers], out)
    steps = ", ".join(str(trainer.step) for trainer in trainers)
    progress.print(f"package of step {steps}: {out}", markup=False, soft_wrap=True)

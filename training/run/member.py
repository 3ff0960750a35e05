"""Fits one network, in one folder that a stopped run is taken up from."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from torch import nn

from storage.base.clock import Clock
from training.data import GridCase
from training.fit.processes.ranks import Ranks
from training.fit.session import fit
from training.fit.trainer import Trainer
from training.recipe import Recipe
from training.run.average import averaged
from training.run.folder import RunFolder
from training.run.prepare import Options
from training.run.progress import Track
from training.run.snapshots import Snapshots


@dataclass(frozen=True)
class Desk:
    """What every fit of a run is given alike."""

    options: Options
    clock: Clock
    track: Track


def fit_member(
    recipe: Recipe, cases: Sequence[GridCase], held_out: Sequence[GridCase], folder: RunFolder, desk: Desk, what: str = "fit"
) -> nn.Module:
    """Run all steps, or those that are left, and return the network that is exported.

    A finished run's checkpoint is read and no step made. With ``ensemble.average_last`` it is the mean of the last checkpoints.

    Parameters
    ----------
    what : how the progress names this member.
    """
    options, snapshots = desk.options, Snapshots(folder.path, recipe.ensemble.average_last)
    ranks = Ranks(size=options.processes)
    trainer = Trainer(recipe, list(cases), list(held_out), options.device, ranks=ranks, clock=desk.clock)
    with desk.track.fitting(trainer, what) as report:
        fit(trainer, folder.path, snapshots.reporting(trainer, report), options.trackers, desk.clock)
    states = snapshots.states(trainer.step)
    return averaged(recipe, states, cases) if len(states) > 1 else trainer.averaged.to("cpu")

"""Fits one network, in one folder that a stopped run is taken up from."""

from __future__ import annotations

from collections.abc import Sequence

from torch import nn

from storage.base.clock import Clock
from training.data import GridCase
from training.fit.ranks import Ranks
from training.fit.session import fit
from training.fit.trainer import Trainer
from training.recipe import Recipe
from training.run.folder import RunFolder
from training.run.prepare import Options
from training.run.progress import Track


def fit_member(
    recipe: Recipe,
    cases: Sequence[GridCase],
    held_out: Sequence[GridCase],
    folder: RunFolder,
    options: Options,
    clock: Clock,
    track: Track,
    what: str = "fit",
) -> nn.Module:
    """Run all steps, or those that are left, and return the network that is exported.

    A finished run's checkpoint is read and no step made.

    Parameters
    ----------
    what : how the progress names this member.
    """
    ranks = Ranks(size=options.processes)
    trainer = Trainer(recipe, list(cases), list(held_out), options.device, ranks=ranks, clock=clock)
    with track.fitting(trainer, what) as report:
        fit(trainer, folder.path, report, options.trackers, clock)
    return trainer.averaged.to("cpu")

"""A run in its folder: taken up where it was, reported, recorded, and ended in order when it is asked to."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path

from storage.base.clock import Clock, SystemClock
from training.fit.records.history import History
from training.fit.records.trackers import TrackerName, open_trackers
from training.fit.stop import stop_signals
from training.fit.trainer import Report, Trainer


def fit(
    trainer: Trainer, folder: Path, report: Report, trackers: Sequence[TrackerName] = (), clock: Clock | None = None
) -> History:
    """Fit to the recipe's last step, or go on from ``FOLDER/checkpoint.pt``, which is written on the way.

    Writes ``metrics.csv`` and ``metrics.jsonl`` always, and what ``trackers`` write. SIGINT and SIGTERM end the run after
    the step that it is at.

    Parameters
    ----------
    folder : the run's, which exists.
    report : called after every step.
    trackers : further copies of the figures.

    Returns
    -------
    All rows of the run.

    Raises
    ------
    ConfigError
        The checkpoint is another recipe's, the loss isn't finite, or a tracker isn't installed.
    TransientError
        The folder can't be written, or one of several processes ended.
    RunStopped
        A signal came.
    """
    clock = clock or SystemClock()
    checkpoint = folder / "checkpoint.pt"
    if checkpoint.exists():
        trainer.resume(checkpoint)
    recipe = trainer.recipe
    samples = recipe.fit.extent.batch * recipe.fit.accumulate
    figures = trainer.duty.figures() if trainer.watch.held_out else []
    with ExitStack() as stack:
        history = stack.enter_context(History(folder, trainer.step, figures, samples, clock))
        if trainer.finished:
            return history
        others = open_trackers(trackers, folder, recipe.manifest().name, history.rows, clock)
        for tracker in others:
            stack.callback(tracker.close)
        stop = stack.enter_context(stop_signals())

        def record(step: int, figures: dict[str, float]) -> None:
            row = history.add(step, figures)
            if row is not None:
                for tracker in others:
                    tracker.add(row)
            report(step, figures)

        trainer.run(record, checkpoint, stop=stop)
    return history

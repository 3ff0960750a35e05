"""Copies of a run's figures for others' viewers: TensorBoard's event files, MLflow's folder of text files.

Nothing is sent anywhere. Both are made anew from all rows so far when a run begins or goes on, so that curves are whole.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Literal, Protocol

from storage.base.clock import Clock
from storage.base.errors import ConfigError
from training.fit.records.history import Row
from training.fit.records.mlflow_files import MlflowFiles

TrackerName = Literal["tensorboard", "mlflow"]


class Tracker(Protocol):
    """Takes a run's rows."""

    def add(self, row: Row) -> None:
        """One more row."""

    def close(self) -> None:
        """No more rows."""


class TensorBoard:
    """Event files in ``FOLDER/tensorboard``; view them by ``tensorboard --logdir FOLDER``.

    Raises
    ------
    ConfigError
        Code ``tracker-missing``: TensorBoard isn't installed.
    """

    def __init__(self, folder: Path) -> None:
        try:
            from torch.utils.tensorboard import SummaryWriter
        except ImportError as error:
            message = "--track tensorboard: TensorBoard isn't installed; run pip install 'wetread[tensorboard]' or leave it out"
            raise ConfigError(message, code="tracker-missing") from error
        shutil.rmtree(folder / "tensorboard", ignore_errors=True)
        self._writer = SummaryWriter(str(folder / "tensorboard"))

    def add(self, row: Row) -> None:
        for name, value in row.items():
            if name != "step":
                self._writer.add_scalar(name, value, int(row["step"]))
        self._writer.flush()

    def close(self) -> None:
        self._writer.close()


def open_trackers(names: Sequence[TrackerName], folder: Path, run: str, rows: Sequence[Row], clock: Clock) -> list[Tracker]:
    """The trackers ``names``, with ``rows`` in them already."""
    makers: dict[TrackerName, Callable[[], Tracker]] = {
        "tensorboard": lambda: TensorBoard(folder),
        "mlflow": lambda: MlflowFiles(folder / "mlruns", run, clock),
    }
    trackers = [makers[name]() for name in dict.fromkeys(names)]
    for tracker in trackers:
        for row in rows:
            tracker.add(row)
    return trackers

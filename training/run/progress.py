"""What a person sees while a run goes on: progress bars on standard error. Results go to standard output elsewhere."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn

from training.data import Case
from training.fit.trainer import Trainer


class Track:
    """Shows progress on ``console``."""

    def __init__(self, console: Console) -> None:
        self._console = console

    def cases(self, what: str, cases: Iterable[Case]) -> Iterator[Case]:
        """The same cases, counted as they pass."""
        with self._console.status(f"{what} cases") as status:
            for number, case in enumerate(cases, start=1):
                status.update(f"{what} case {number}")
                yield case

    @contextmanager
    def steps(self, trainer: Trainer) -> Iterator[Callable[[int, float], None]]:
        """A bar over the run's steps; yields a function of (steps done, loss)."""
        columns = (TextColumn("loss {task.fields[loss]:.3f}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
        with Progress(*columns, TimeRemainingColumn(), console=self._console) as bar:
            task = bar.add_task("fit", total=trainer.recipe.fit.extent.steps, completed=trainer.step, loss=float("nan"))
            yield lambda step, loss: bar.update(task, completed=step, loss=loss)

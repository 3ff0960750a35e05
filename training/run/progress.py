"""What a person sees while a run goes on, on standard error: bars on a terminal, plain lines elsewhere.

Results go to standard output elsewhere.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn

from storage.base.clock import Clock, SystemClock
from training.data import Case
from training.fit.trainer import Report, Trainer

_LINE_EVERY_S = 15.0


class Track:
    """Shows progress on ``console``."""

    def __init__(self, console: Console, clock: Clock | None = None) -> None:
        self._console = console
        self._clock = clock or SystemClock()

    def cases(self, what: str, cases: Iterable[Case]) -> Iterator[Case]:
        """The same cases, counted as they pass."""
        with self._console.status(f"{what} cases") as status:
            for number, case in enumerate(cases, start=1):
                status.update(f"{what} case {number}")
                yield case

    @contextmanager
    def fitting(self, trainer: Trainer, what: str = "fit") -> Iterator[Report]:
        """Shows loss, learning rate, the last validation, samples a second and the time left; yields what ``fit`` reports to.

        Parameters
        ----------
        what : the bar's name, such as ``fold 2 of 5``.
        """
        self._console.print(f"{what}: {trainer.device}, {trainer.precision.name} ({trainer.precision.reason})", soft_wrap=True)
        if not self._console.is_terminal:
            yield _Lines(self._console, trainer, what, self._clock).report
            return
        columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TextColumn("{task.fields[figures]}"))
        with Progress(*columns, TimeElapsedColumn(), TimeRemainingColumn(), console=self._console) as bar:
            task = bar.add_task(what, total=trainer.recipe.fit.extent.steps, completed=trainer.step, figures="")
            tale = _Tale(trainer, self._clock)
            yield lambda step, figures: bar.update(task, completed=step, figures=tale.text(step, figures))


class _Tale:
    """The figures of a run in a few words."""

    def __init__(self, trainer: Trainer, clock: Clock) -> None:
        fit = trainer.recipe.fit
        self._samples, self._steps, self._clock = fit.extent.batch * fit.accumulate, fit.extent.steps, clock
        self._first, self._began_s = trainer.step, clock.monotonic_s()
        self._headlines = trainer.duty.headlines
        self._loss = math.nan
        self._validation = ""

    def text(self, step: int, figures: dict[str, float]) -> str:
        """After ``step``: the loss, smoothed over some ten steps, and the rest as it is."""
        loss = figures["loss"]
        self._loss = loss if math.isnan(self._loss) else 0.9 * self._loss + 0.1 * loss
        headline = next((name for name in self._headlines if name in figures), "")
        if headline:
            self._validation = f"  {headline} {figures[headline]:.4f} at {step}"
        rate = (step - self._first) * self._samples / self._passed_s
        return f"loss {self._loss:.4f}  rate {figures['learning_rate']:.2g}{self._validation}  {rate:.3g} samples/s"

    def left_s(self, step: int) -> float:
        """Seconds to the last step, at the rate so far."""
        return (self._steps - step) * self._passed_s / max(1, step - self._first)

    @property
    def _passed_s(self) -> float:
        return max(1e-9, self._clock.monotonic_s() - self._began_s)


class _Lines:
    """A line now and then, at every validation, and at the end."""

    def __init__(self, console: Console, trainer: Trainer, what: str, clock: Clock) -> None:
        self._console, self._clock, self._what, self._trainer = console, clock, what, trainer
        self._tale = _Tale(trainer, clock)
        self._last_s = clock.monotonic_s()

    def report(self, step: int, figures: dict[str, float]) -> None:
        """Called after each step."""
        text, now_s = self._tale.text(step, figures), self._clock.monotonic_s()
        validated = any(name in figures for name in self._trainer.duty.headlines)
        if validated or self._trainer.finished or now_s - self._last_s >= _LINE_EVERY_S:
            self._last_s = now_s
            steps = self._trainer.recipe.fit.extent.steps
            self._console.print(
                f"{self._what}: step {step}/{steps}  {text}  {self._tale.left_s(step):.0f} s left",
                soft_wrap=True,
                highlight=False,
            )

"""Progress bars for a Study on its way through the node, read from the store as any other program would."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from concurrent.futures import Future
from contextlib import contextmanager
from dataclasses import dataclass

from rich.progress import BarColumn, Progress, TaskID, TextColumn, TimeElapsedColumn

from node.commands.console import out
from storage.base.clock import Clock
from storage.base.errors import WetreadError
from storage.database import Database
from storage.views import StudyProgress, study_progress

LIMIT_S = 900.0
POLL_S = 0.1
STAGES = ("received", "complete", "routed", "inferred", "reported", "delivered")
_INFERRED = ("inferred", "reporting", "done")


@dataclass
class Bars:
    """One bar a stage; a bar's clock runs from its first movement until it is full."""

    progress: Progress
    tasks: dict[str, TaskID]

    def set(self, stage: str, fraction: float, note: str = "") -> None:
        task = self.tasks[stage]
        if fraction > 0 or note:
            self.progress.start_task(task)
        self.progress.update(task, completed=min(1.0, fraction), note=note)


@contextmanager
def bars() -> Iterator[Bars]:
    """Six bars, one per stage."""
    columns = (TextColumn("{task.description:<10}"), BarColumn(), TimeElapsedColumn(), TextColumn("{task.fields[note]}"))
    with Progress(*columns, console=out) as progress:
        yield Bars(progress, {stage: progress.add_task(stage, total=1.0, start=False, note="") for stage in STAGES})


def watch(
    db: Database, study_instance_uid: str, sent: int, quiet_s: float, shown: Bars, clock: Clock, sending: Future[float]
) -> StudyProgress:
    """Follow the Study until nothing more happens by itself; an error of ``sending`` ends it at once.

    Raises
    ------
    WetreadError
        Not over after ``LIMIT_S`` seconds.
    """
    deadline_s = clock.monotonic_s() + LIMIT_S
    while True:
        with db.read() as session:
            now = study_progress(session, study_instance_uid)
        _draw(now, sent, quiet_s, shown, clock)
        if sending.done() and sending.exception() is not None:
            sending.result()
        if now.over and now.arrivals >= sent:
            return now
        if clock.monotonic_s() > deadline_s:
            raise WetreadError(f"not finished after {LIMIT_S:.0f} s; jobs are {', '.join(now.job_states) or 'none'}")
        clock.sleep(POLL_S)


def _draw(now: StudyProgress, sent: int, quiet_s: float, shown: Bars, clock: Clock) -> None:
    shown.set("received", now.arrivals / max(1, sent), f"{now.arrivals} of {sent} instances indexed")
    if now.settled:
        shown.set("complete", 1.0, "quiet long enough")
        shown.set("routed", 1.0, f"{len(now.job_states)} job(s)")
    elif now.last_arrival_at is not None and now.arrivals >= sent:
        age_s = (clock.utc() - now.last_arrival_at).total_seconds()
        shown.set("complete", min(0.99, age_s / quiet_s), f"quiet for {max(0.0, age_s):.1f} of {quiet_s:g} s")
    if now.settled and now.job_states:
        _draw_jobs(now, shown)


def _draw_jobs(now: StudyProgress, shown: Bars) -> None:
    inferred = _share(now.job_states, _INFERRED)
    reporting = "reporting" in now.job_states
    shown.set("inferred", inferred or (now.stage_fraction if not reporting else 1.0), "" if inferred == 1.0 else now.stage)
    reported = _share(now.job_states, ("done",))
    if reporting or reported:
        shown.set("reported", reported or now.stage_fraction, "" if reported == 1.0 else now.stage)
    if now.delivery_states:
        done = sum(state == "delivered" for state in now.delivery_states)
        shown.set("delivered", done / len(now.delivery_states), f"{done} of {len(now.delivery_states)} objects")


def _share(states: Sequence[str], wanted: Sequence[str]) -> float:
    return sum(state in wanted for state in states) / len(states)

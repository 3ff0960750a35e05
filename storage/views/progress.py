"""How far one Study has come, cheap enough to ask several times a second."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from storage.schema import Delivery, Event, Job, ResultObject, Study
from storage.states import JOB_ENDS


@dataclass(frozen=True)
class StudyProgress:
    """``settled``: every rule's quiet time has passed and was evaluated. ``stage`` is the worker's own word for its step.

    A delivery is ``blocked`` when the one that it waits for has failed.
    """

    arrivals: int
    settled: bool
    job_states: tuple[str, ...]
    stage: str
    stage_fraction: float
    delivery_states: tuple[str, ...]
    last_arrival_at: datetime | None

    @property
    def over(self) -> bool:
        """Whether nothing more happens by itself."""
        jobs_over = all(state in JOB_ENDS for state in self.job_states)
        return self.settled and jobs_over and all(state in ("delivered", "failed", "blocked") for state in self.delivery_states)


def study_progress(s: Session, study_instance_uid: str) -> StudyProgress:
    """Progress of the Study; zero arrivals when nothing came yet."""
    study = s.scalar(select(Study).where(Study.study_instance_uid == study_instance_uid))
    if study is None:
        return StudyProgress(0, False, (), "", 0.0, (), None)
    jobs: Sequence[tuple[int, str]] = [
        (i, state) for i, state in s.execute(select(Job.id, Job.state).where(Job.study_id == study.id))
    ]
    ids = [i for i, _ in jobs]
    deliveries = s.scalars(
        select(Delivery).join(ResultObject, ResultObject.id == Delivery.result_id).where(ResultObject.job_id.in_(ids))
    ).all()
    failed = {d.id for d in deliveries if d.state == "failed"}
    newest = select(func.max(Event.id)).where(Event.job_id.in_(ids), Event.kind == "job.progress").scalar_subquery()
    event = s.scalar(select(Event).where(Event.id == newest))
    facts = event.facts if event is not None else {}
    return StudyProgress(
        arrivals=study.arrival_count,
        settled=study.settled_count >= study.arrival_count,
        job_states=tuple(state for _, state in jobs),
        stage=str(facts.get("stage", "")),
        stage_fraction=float(facts.get("fraction", 0.0)),
        delivery_states=tuple("blocked" if d.depends_on_id in failed else d.state for d in deliveries),
        last_arrival_at=study.last_arrival_at,
    )

"""What an evaluation wants to know of a revision before it reads any header: its Series, who sent them, earlier looks.

And what is left of one that failed by a bug of ours: an event, so that whoever asks for the Study's story is told.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from storage import events
from storage.schema import Arrival, Association, Evaluation, Event, Instance, RevisionInstance, Series, SourceAE, Study

FAILED = "study.evaluation-failed"


@dataclass(frozen=True)
class SeriesHead:
    """One Series of a revision without its Instances."""

    series_id: int
    series_instance_uid: str
    modality: str


def series_heads(s: Session, revision_id: int) -> list[SeriesHead]:
    """The Series of a revision, by UID."""
    query = (
        select(Series)
        .join(Instance, Instance.series_id == Series.id)
        .join(RevisionInstance, RevisionInstance.instance_id == Instance.id)
        .where(RevisionInstance.revision_id == revision_id)
        .distinct()
        .order_by(Series.series_instance_uid)
    )
    return [SeriesHead(series.id, series.series_instance_uid, series.modality) for series in s.scalars(query)]


def calling_ae_titles(s: Session, revision_id: int, series_id: int) -> set[str]:
    """AE titles of those who sent the Series' Instances in this revision first; who sent them again doesn't count."""
    query = (
        select(SourceAE.ae_title)
        .join(Association, Association.source_id == SourceAE.id)
        .join(Arrival, Arrival.association_id == Association.id)
        .join(Instance, Instance.id == Arrival.instance_id)
        .join(RevisionInstance, RevisionInstance.instance_id == Instance.id)
        .where(RevisionInstance.revision_id == revision_id, Instance.series_id == series_id, Arrival.duplicate.is_(False))
        .distinct()
    )
    return set(s.scalars(query))


def looked_at(s: Session, revision_id: int, quiet_s: float) -> bool:
    """Whether this very content was evaluated with this quiet time before."""
    query = select(Evaluation.id).where(Evaluation.revision_id == revision_id, Evaluation.quiet_s == quiet_s)
    return s.scalars(query.limit(1)).one_or_none() is not None


def note_failure(s: Session, study_id: int, arrival_count: int, error: str, at: datetime) -> None:
    """Record that the Study's evaluation failed with the exception type ``error``; once for every growth of the Study."""
    if _failure(s, study_id, arrival_count) is None:
        events.record(s, FAILED, at, study_id, arrival_count=arrival_count, error=error)


def is_failing(s: Session, study: Study) -> bool:
    """Whether what the Study holds now can't be evaluated: it failed, and no look was taken since."""
    failed = _failure(s, study.id, study.arrival_count)
    if failed is None or study.settled_count >= study.arrival_count:
        return False
    looks = select(Evaluation.id).where(Evaluation.study_id == study.id, Evaluation.arrival_count == study.arrival_count)
    return s.scalars(looks.where(Evaluation.evaluated_at > failed.at).limit(1)).first() is None


def _failure(s: Session, study_id: int, arrival_count: int) -> Event | None:
    of_study = s.scalars(select(Event).where(Event.study_id == study_id, Event.kind == FAILED).order_by(Event.id.desc()))
    return next((event for event in of_study if event.facts["arrival_count"] == arrival_count), None)

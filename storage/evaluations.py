"""What an evaluation wants to know of a revision before it reads any header: its Series, who sent them, earlier looks."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import select
from sqlalchemy.orm import Session

from storage.schema import Arrival, Association, Evaluation, Instance, RevisionInstance, Series, SourceAE


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

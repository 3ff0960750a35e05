"""Studies as routing sees them: which wait for an evaluation, and their frozen revisions."""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Iterable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from sqlalchemy import and_, func, insert, select, text, update
from sqlalchemy.orm import Session

from storage import events
from storage.schema import (
    Arrival,
    Association,
    Evaluation,
    Instance,
    InstanceHeader,
    ReceiverLife,
    ResultObject,
    Revision,
    RevisionInstance,
    Series,
    Study,
)
from storage.schema.study import UNSETTLED
from storage.states import UnknownRow

_CHUNK = 500  # bound parameters a query; SQLite builds may take no more than 999


@dataclass(frozen=True)
class StudyQuiet:
    """A Study that waits: when it last grew, whether it may be growing now, and at which quiet times it was looked at.

    ``broken_off_at``: when the last association that brought part of it was aborted or found lost.
    ``nobody_receives``: every receiver has stopped in order, and none has started since.
    ``evaluated`` maps ``quiet_s`` to the highest ``arrival_count`` that was evaluated with it.
    """

    study_id: int
    study_instance_uid: str
    last_arrival_at: datetime
    arrival_count: int
    open_associations: int
    modalities: frozenset[str]
    evaluated: dict[float, int] = field(default_factory=dict)
    broken_off_at: datetime | None = None
    nobody_receives: bool = False

    @property
    def quiet_since(self) -> datetime:
        """The last arrival or break: a sender that was cut off gets the whole quiet time to come back."""
        return max(self.last_arrival_at, self.broken_off_at or self.last_arrival_at)


@dataclass(frozen=True)
class InstanceContent:
    """One Instance of a revision; ``header`` is its data set without bulk data in the DICOM JSON model."""

    instance_id: int
    sop_instance_uid: str
    sha256: str
    blob_key: str
    header: dict[str, Any]


@dataclass(frozen=True)
class SeriesContent:
    """One Series of a revision, Instances by SOP Instance UID (no geometric order)."""

    series_id: int
    series_instance_uid: str
    modality: str
    instances: list[InstanceContent]


def pending_studies(s: Session) -> list[StudyQuiet]:
    """Studies with arrivals that aren't settled yet, longest quiet first. See ``settle``."""
    # The condition stands literally as in the index that serves it.
    studies = s.scalars(select(Study).where(UNSETTLED).order_by(Study.last_arrival_at, Study.id)).all()
    if not studies:
        return []
    modalities, looks, associations, nobody = _modalities(s), _looks(s), _open_associations(s), _nobody_receives(s)
    return [
        StudyQuiet(
            study_id=study.id,
            study_instance_uid=study.study_instance_uid,
            last_arrival_at=study.last_arrival_at,
            arrival_count=study.arrival_count,
            open_associations=associations.get(study.id, 0),
            modalities=frozenset(modalities.get(study.id, ())),
            evaluated=looks.get(study.id, {}),
            broken_off_at=study.broken_off_at,
            nobody_receives=nobody,
        )
        for study in studies
    ]


def settle(s: Session, study_id: int, arrival_count: int) -> None:
    """Every quiet time that applies has been evaluated at ``arrival_count``: the Study isn't pending until it grows again."""
    grown = update(Study).where(Study.id == study_id, Study.settled_count < arrival_count)
    s.execute(grown.values(settled_count=arrival_count), execution_options={"synchronize_session": "fetch"})


def freeze_revision(s: Session, study_id: int, at: datetime) -> tuple[Revision, bool]:
    """Freeze what the Study holds now: of each SOP Instance UID the newest version.

    Returns
    -------
    The revision with this content and whether it is a new one; the same content gives the same revision again.

    Raises
    ------
    UnknownRow
        There is no such Study.
    """
    if s.scalars(select(Study.id).where(Study.id == study_id).with_for_update()).one_or_none() is None:
        raise UnknownRow(f"there is no study {study_id}", code="unknown-study")
    newest = _newest_versions(s, study_id)
    digest = manifest_digest((i.sop_instance_uid, i.sha256) for i in newest)
    of_study = select(Revision).where(Revision.study_id == study_id)
    known = s.scalars(of_study.where(Revision.digest == digest)).one_or_none()
    if known is not None:
        return known, False
    number = s.scalar(select(func.coalesce(func.max(Revision.number), 0)).where(Revision.study_id == study_id)) or 0
    revision = Revision(study_id=study_id, number=number + 1, digest=digest, created_at=at)
    s.add(revision)
    s.flush()
    s.execute(insert(RevisionInstance), [{"revision_id": revision.id, "instance_id": i.id} for i in newest])
    events.record(s, "study.revision", at, study_id=study_id, number=revision.number, instances=len(newest), digest=digest)
    return revision, True


def manifest_digest(instances: Iterable[tuple[str, str]]) -> str:
    """SHA-256 over the sorted lines "SOP Instance UID, space, SHA-256"."""
    lines = sorted(f"{uid} {sha256}\n" for uid, sha256 in instances)
    return hashlib.sha256("".join(lines).encode()).hexdigest()


def revision_series(s: Session, revision_id: int, only: Collection[int] | None = None) -> list[SeriesContent]:
    """What a revision holds, Series by UID; of the Series with row ids ``only``, if given."""
    query = (
        select(Series, Instance, InstanceHeader.dataset)
        .join(Instance, Instance.series_id == Series.id)
        .join(RevisionInstance, RevisionInstance.instance_id == Instance.id)
        .join(InstanceHeader, InstanceHeader.instance_id == Instance.id)
        .where(RevisionInstance.revision_id == revision_id)
        .order_by(Series.series_instance_uid, Instance.sop_instance_uid)
    )
    if only is not None:
        query = query.where(Series.id.in_(only))
    contents: dict[int, SeriesContent] = {}
    for series, instance, header in s.execute(query):
        content = contents.setdefault(
            series.id, SeriesContent(series.id, series.series_instance_uid, series.modality, instances=[])
        )
        content.instances.append(
            InstanceContent(instance.id, instance.sop_instance_uid, instance.sha256, instance.blob_key, header)
        )
    return list(contents.values())


def own_sop_instance_uids(s: Session, uids: Iterable[str]) -> set[str]:
    """Those of ``uids`` that name results of ours, which must not be routed back in."""
    wanted = sorted({uid for uid in uids if uid})
    found: set[str] = set()
    for start in range(0, len(wanted), _CHUNK):
        chunk = wanted[start : start + _CHUNK]
        found.update(s.scalars(select(ResultObject.sop_instance_uid).where(ResultObject.sop_instance_uid.in_(chunk))))
    return found


def _modalities(s: Session) -> dict[int, set[str]]:
    found: dict[int, set[str]] = {}
    query = select(Series.study_id, Series.modality).where(Series.study_id.in_(select(Study.id).where(UNSETTLED))).distinct()
    for study_id, modality in s.execute(query):
        found.setdefault(study_id, set()).add(modality)
    return found


def _looks(s: Session) -> dict[int, dict[float, int]]:
    """By Study: the highest arrival count that was evaluated with each quiet time."""
    found: dict[int, dict[float, int]] = {}
    query = (
        select(Evaluation.study_id, Evaluation.quiet_s, func.max(Evaluation.arrival_count))
        .where(Evaluation.study_id.in_(select(Study.id).where(UNSETTLED)))
        .group_by(Evaluation.study_id, Evaluation.quiet_s)
    )
    for study_id, quiet_s, count in s.execute(query):
        found.setdefault(study_id, {})[quiet_s] = count
    return found


def _open_associations(s: Session) -> dict[int, int]:
    """By Study: associations still open that have carried an Instance of it. Begun from the few that are open."""
    query = (
        select(Series.study_id, func.count(Association.id.distinct()))
        .join(Instance, Instance.series_id == Series.id)
        .join(Arrival, Arrival.instance_id == Instance.id)
        .join(Association, Association.id == Arrival.association_id)
        .where(text("association.state = 'open'"))
        .group_by(Series.study_id)
    )
    return {study_id: count for study_id, count in s.execute(query)}


def _nobody_receives(s: Session) -> bool:
    newest = select(ReceiverLife.receiver, func.max(ReceiverLife.boot).label("boot")).group_by(ReceiverLife.receiver).subquery()
    life = and_(ReceiverLife.receiver == newest.c.receiver, ReceiverLife.boot == newest.c.boot)
    stops = s.scalars(select(ReceiverLife.stopped_at).join(newest, life)).all()
    return bool(stops) and None not in stops


def _newest_versions(s: Session, study_id: int) -> list[Instance]:
    query = (
        select(Instance)
        .join(Series, Series.id == Instance.series_id)
        .where(Series.study_id == study_id)
        .order_by(Instance.sop_instance_uid, Instance.version)
    )
    return list({instance.sop_instance_uid: instance for instance in s.scalars(query)}.values())

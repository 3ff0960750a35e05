"""From spool records to rows: receivers, associations, arrivals. Called by the indexer inside one ``write()``.

Everything here may be called again with the same record and then changes nothing. Records of one receiver come in the order of
their names; an association that isn't known (its record was lost with a disk) doesn't keep an Instance out.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal

from sqlalchemy import select
from sqlalchemy.orm import Session

from storage import events
from storage.rows import insert_new, move
from storage.schema import Arrival, Association, Instance, InstanceHeader, ReceiverLife, Series, SourceAE, Study

Arrived = Literal["new", "duplicate", "version", "seen"]
AssociationEnd = Literal["released", "aborted", "lost"]


@dataclass(frozen=True)
class ArrivedInstance:
    """What the indexer knows of one spooled Instance.

    ``sha256`` and ``size_bytes`` are of the data set's bytes as received; ``header`` is the DICOM JSON model without bulk data.
    """

    spool_record: str
    association_uid: str
    received_at: datetime
    study_instance_uid: str
    series_instance_uid: str
    sop_instance_uid: str
    sop_class_uid: str
    transfer_syntax_uid: str
    modality: str
    sha256: str
    size_bytes: int
    blob_key: str
    header: dict[str, Any]


def note_receiver_started(s: Session, receiver: str, boot: int, at: datetime) -> int:
    """A receiver began its life number ``boot``: what its earlier lives left open is lost. Returns how many were."""
    insert_new(s, ReceiverLife, receiver=receiver, boot=boot, started_at=at)
    earlier = (Association.receiver == receiver, Association.boot < boot)
    lost = move(s, Association, "open", "lost", *earlier, closed_at=at)
    _break_off(s, lost, at)
    return len(lost)


def note_association_opened(
    s: Session, *, uid: str, receiver: str, boot: int, calling_ae_title: str, called_ae_title: str, host: str, at: datetime
) -> None:
    """An association was accepted; ``uid`` is the receiver's own name for it. One of a life that is over is lost at once."""
    source = _source(s, calling_ae_title, host, at)
    new = insert_new(
        s,
        Association,
        uid=uid,
        source_id=source.id,
        receiver=receiver,
        boot=boot,
        called_ae_title=called_ae_title,
        opened_at=at,
        state="open",
    )
    restarted_at = _next_start(s, receiver, boot) if new else None
    if restarted_at is not None:
        move(s, Association, "open", "lost", Association.uid == uid, closed_at=restarted_at)


def note_association_closed(s: Session, *, uid: str, end: AssociationEnd, at: datetime) -> None:
    """An association ended; the first end that is told stands."""
    ended = move(s, Association, "open", end, Association.uid == uid, closed_at=at)
    if end != "released":
        _break_off(s, ended, at)


def add_instance(s: Session, arrived: ArrivedInstance) -> Arrived:
    """Index one spooled Instance.

    Returns
    -------
    ``new``: a SOP Instance UID not held before; ``version``: held with other bytes, now both are; ``duplicate``: these very
    bytes are held; ``seen``: this spool record was indexed before and nothing changed.
    """
    if s.scalar(select(Arrival.id).where(Arrival.spool_record == arrived.spool_record)) is not None:
        return "seen"
    study = _study(s, arrived)
    versions = s.scalars(select(Instance).where(Instance.sop_instance_uid == arrived.sop_instance_uid)).all()
    same = next((i for i in versions if i.sha256 == arrived.sha256), None)
    instance = same or _add_version(s, study, arrived, number=len(versions) + 1)
    association = s.scalars(select(Association).where(Association.uid == arrived.association_uid)).one_or_none()
    s.add(
        Arrival(
            instance_id=instance.id,
            association_id=association and association.id,
            spool_record=arrived.spool_record,
            received_at=arrived.received_at,
            duplicate=same is not None,
        )
    )
    study.arrival_count += 1
    study.first_arrival_at = min(study.first_arrival_at, arrived.received_at)
    study.last_arrival_at = max(study.last_arrival_at, arrived.received_at)
    if association is not None and association.closed_at is not None and association.state != "released":
        _note_break(study, association.closed_at)
    s.flush()
    if same is not None:
        return "duplicate"
    return "version" if versions else "new"


def _next_start(s: Session, receiver: str, boot: int) -> datetime | None:
    """When the receiver began the first life known of after ``boot``."""
    later = select(ReceiverLife.started_at).where(ReceiverLife.receiver == receiver, ReceiverLife.boot > boot)
    return s.scalar(later.order_by(ReceiverLife.boot).limit(1))


def _break_off(s: Session, associations: list[int], at: datetime) -> None:
    """These associations ended otherwise than by a release: their senders may have more of the Studies that they brought."""
    if not associations:
        return
    brought = (
        select(Series.study_id)
        .join(Instance, Instance.series_id == Series.id)
        .join(Arrival, Arrival.instance_id == Instance.id)
        .where(Arrival.association_id.in_(associations))
    )
    for study in s.scalars(select(Study).where(Study.id.in_(brought)).order_by(Study.id).with_for_update()):
        _note_break(study, at)


def _note_break(study: Study, at: datetime) -> None:
    study.broken_off_at = max(study.broken_off_at or at, at)


def _source(s: Session, ae_title: str, host: str, at: datetime) -> SourceAE:
    insert_new(s, SourceAE, ae_title=ae_title, host=host, first_seen_at=at, last_seen_at=at)
    query = select(SourceAE).where(SourceAE.ae_title == ae_title, SourceAE.host == host).with_for_update()
    source = s.scalars(query).one()
    source.last_seen_at = max(source.last_seen_at, at)
    return source


def _study(s: Session, arrived: ArrivedInstance) -> Study:
    query = select(Study).where(Study.study_instance_uid == arrived.study_instance_uid).with_for_update()
    study = s.scalars(query).one_or_none()
    if study is not None:
        return study
    at = arrived.received_at
    uid = arrived.study_instance_uid
    made = insert_new(s, Study, study_instance_uid=uid, first_arrival_at=at, last_arrival_at=at, arrival_count=0, settled_count=0)
    study = s.scalars(query).one()
    if made:
        events.record(s, "study.first-instance", at, study_id=study.id, study_instance_uid=uid)
    return study


def _series(s: Session, study: Study, arrived: ArrivedInstance) -> Series:
    query = select(Series).where(Series.study_id == study.id, Series.series_instance_uid == arrived.series_instance_uid)
    series = s.scalars(query).one_or_none()
    if series is None:
        series = Series(study_id=study.id, series_instance_uid=arrived.series_instance_uid, modality=arrived.modality)
        s.add(series)
        s.flush()
    return series


def _add_version(s: Session, study: Study, arrived: ArrivedInstance, number: int) -> Instance:
    instance = Instance(
        series_id=_series(s, study, arrived).id,
        sop_instance_uid=arrived.sop_instance_uid,
        sop_class_uid=arrived.sop_class_uid,
        transfer_syntax_uid=arrived.transfer_syntax_uid,
        sha256=arrived.sha256,
        size_bytes=arrived.size_bytes,
        blob_key=arrived.blob_key,
        version=number,
        first_arrival_at=arrived.received_at,
    )
    s.add(instance)
    s.flush()
    s.add(InstanceHeader(instance_id=instance.id, dataset=arrived.header))
    if number > 1:
        uid = arrived.sop_instance_uid
        events.record(s, "instance.version", arrived.received_at, study_id=study.id, sop_instance_uid=uid, version=number)
    return instance

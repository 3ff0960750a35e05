"""Lives of receivers: what a start means for what earlier lives left open."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from storage.intake.arrivals import note_break
from storage.rows import insert_new, move
from storage.schema import Arrival, Association, Instance, ReceiverLife, Series, Study


def note_receiver_started(s: Session, receiver: str, boot: int, at: datetime) -> int:
    """A receiver began its life number ``boot``: what its earlier lives left open is lost. Returns how many were."""
    insert_new(s, ReceiverLife, receiver=receiver, boot=boot, started_at=at)
    earlier = (Association.receiver == receiver, Association.boot < boot)
    lost = move(s, Association, "open", "lost", *earlier, closed_at=at)
    break_off(s, lost, at)
    return len(lost)


def break_off(s: Session, associations: Sequence[int], at: datetime) -> None:
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
        note_break(study, at)

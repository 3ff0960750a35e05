"""Lives of receivers: what a start means for what earlier lives left open."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import ColumnElement, and_, select, update
from sqlalchemy.orm import Session

from storage.intake.arrivals import note_break
from storage.rows import insert_new, move
from storage.schema import Arrival, Association, Instance, ReceiverLife, Series, Study
from storage.schema.study import UNSETTLED


def note_receiver_started(s: Session, receiver: str, boot: int, at: datetime) -> int:
    """A receiver began its life number ``boot``: what its earlier lives left open is lost. Returns how many were.

    Nobody could send to it since the life before had ended, however well that ended: every Study that waits and of which it
    brought a part gets its whole quiet time from now on.
    """
    insert_new(s, ReceiverLife, receiver=receiver, boot=boot, started_at=at)
    earlier = (Association.receiver == receiver, Association.boot < boot)
    lost = move(s, Association, "open", "lost", *earlier, closed_at=at)
    break_off(s, Arrival.association_id.in_(lost), at)
    waits = Series.study_id.in_(select(Study.id).where(UNSETTLED))
    break_off(s, and_(waits, Arrival.association_id.in_(select(Association.id).where(*earlier))), at)
    return len(lost)


def note_receiver_stopped(s: Session, receiver: str, boot: int, at: datetime) -> None:
    """A receiver's life number ``boot`` ended in order."""
    insert_new(s, ReceiverLife, receiver=receiver, boot=boot, started_at=at)
    life = update(ReceiverLife).where(ReceiverLife.receiver == receiver, ReceiverLife.boot == boot)
    s.execute(life.values(stopped_at=at), execution_options={"synchronize_session": False})


def break_off(s: Session, arrivals: ColumnElement[bool], at: datetime) -> None:
    """The senders of these arrivals were cut off: they may have more of the Studies that they brought."""
    brought = (
        select(Series.study_id)
        .join(Instance, Instance.series_id == Series.id)
        .join(Arrival, Arrival.instance_id == Instance.id)
        .where(arrivals)
    )
    for study in s.scalars(select(Study).where(Study.id.in_(brought)).order_by(Study.id).with_for_update()):
        note_break(study, at)

"""From spool records to rows: receivers, associations, arrivals. Called by the indexer inside one ``write()``.

Everything here may be called again with the same record and then changes nothing. Records of one receiver come in the order of
their names; an association that isn't known (its record was lost with a disk) doesn't keep an Instance out. A batch gives the
rows that its facts would have given one by one, in a number of statements that hardly depends on how many they are.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy.orm import Session

from storage.intake.arrivals import Arrivals
from storage.intake.associations import Associations
from storage.intake.facts import (
    Arrived,
    ArrivedInstance,
    AssociationEnd,
    AssociationEnded,
    AssociationOpened,
    Fact,
)
from storage.intake.lives import break_off, note_receiver_started, note_receiver_stopped
from storage.schema import Arrival

__all__ = [
    "Arrived",
    "ArrivedInstance",
    "AssociationEnd",
    "AssociationEnded",
    "AssociationOpened",
    "Fact",
    "add_instance",
    "note_association_closed",
    "note_association_opened",
    "note_receiver_started",
    "note_receiver_stopped",
    "take_in",
]


def take_in(s: Session, facts: Sequence[Fact]) -> list[Arrived]:
    """Write what the facts tell, in their order.

    Returns
    -------
    Of each arrival: ``new``: a SOP Instance UID not held before; ``version``: held with other bytes, now both are;
    ``duplicate``: these very bytes are held; ``seen``: this spool record was indexed before and nothing changed.
    """
    if not facts:
        return []
    told = [fact for fact in facts if isinstance(fact, ArrivedInstance)]
    opened = [fact for fact in facts if isinstance(fact, AssociationOpened)]
    uids = {fact.association_uid if isinstance(fact, ArrivedInstance) else fact.uid for fact in facts}
    associations, arrivals = Associations(s, uids, opened), Arrivals(s, told)
    outcomes: list[Arrived] = []
    for fact in facts:
        if isinstance(fact, AssociationOpened):
            associations.note_opened(fact)
        elif isinstance(fact, AssociationEnded):
            associations.note_ended(fact)
        else:
            outcomes.append(arrivals.take(fact, associations.get(fact.association_uid)))
    broken = associations.write()
    arrivals.write(associations.breaks)
    for association_id, at in broken:
        break_off(s, Arrival.association_id == association_id, at)
    s.flush()
    return outcomes


def note_association_opened(
    s: Session, *, uid: str, receiver: str, boot: int, calling_ae_title: str, called_ae_title: str, host: str, at: datetime
) -> None:
    """An association was accepted; ``uid`` is the receiver's own name for it. One of a life that is over is lost at once."""
    take_in(s, [AssociationOpened(uid, receiver, boot, calling_ae_title, called_ae_title, host, at)])


def note_association_closed(s: Session, *, uid: str, end: AssociationEnd, at: datetime) -> None:
    """An association ended; the first end that is told stands."""
    take_in(s, [AssociationEnded(uid, end, at)])


def add_instance(s: Session, arrived: ArrivedInstance) -> Arrived:
    """Index one spooled Instance; as `take_in`."""
    return take_in(s, [arrived])[0]

"""The associations of a batch: known rows and new ones, each with the state that it has when the batch is through."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import select, tuple_
from sqlalchemy.orm import Session

from storage.intake.facts import AssociationEnded, AssociationOpened
from storage.rows import chunks, insert_all, move
from storage.schema import Association, ReceiverLife, SourceAE
from storage.states import ASSOCIATION, check_move

_Source = tuple[str, str]
_COLUMNS = (
    Association.uid,
    Association.id,
    Association.receiver,
    Association.boot,
    Association.state,
    Association.closed_at,
)


@dataclass
class Known:
    """An association as the batch has come to know it; ``id`` is 0 until its row is written, ``opened`` told of new ones."""

    receiver: str
    boot: int
    opened: AssociationOpened | None = None
    id: int = 0
    state: str = "open"
    closed_at: datetime | None = None
    state_in_row: str = ""

    @property
    def broke_at(self) -> datetime | None:
        """When it ended otherwise than by a release; None where it didn't."""
        return None if self.state == "released" else self.closed_at


class Associations:
    """Built once a batch; facts are told in their order, then `write`."""

    def __init__(self, s: Session, uids: Collection[str], opened: Sequence[AssociationOpened]) -> None:
        self._s = s
        self._known: dict[str, Known] = {}
        for chunk in chunks(uids):
            for row in s.execute(select(*_COLUMNS).where(Association.uid.in_(chunk))):
                self._known[row.uid] = Known(row.receiver, row.boot, None, row.id, row.state, row.closed_at, row.state)
        lives = [(known.receiver, known.boot) for known in self._known.values()]
        self._starts = _starts(s, [*lives, *((fact.receiver, fact.boot) for fact in opened)])
        self._seen: dict[_Source, tuple[datetime, datetime]] = {}

    def get(self, uid: str) -> Known | None:
        """What is known of it by now."""
        return self._known.get(uid)

    def note_opened(self, fact: AssociationOpened) -> None:
        """One of a life that is over was lost when the next began."""
        source = (fact.calling_ae_title, fact.host)
        first, last = self._seen.get(source, (fact.at, fact.at))
        self._seen[source] = (first, max(last, fact.at))
        if fact.uid in self._known:
            return
        later = self._later_starts(fact.receiver, fact.boot)
        state, closed_at = ("lost", later[0]) if later else ("open", None)
        self._known[fact.uid] = Known(fact.receiver, fact.boot, fact, state=state, closed_at=closed_at)

    def note_ended(self, fact: AssociationEnded) -> None:
        """The first end stands; one of an association that isn't known says nothing."""
        known = self._known.get(fact.uid)
        if known is not None and known.state == "open":
            check_move(ASSOCIATION, "open", fact.end)
            known.state, known.closed_at = fact.end, fact.at

    def breaks(self, known: Known) -> list[datetime]:
        """When what an association brought was cut off: by its own end, or since its receiver began another life."""
        later = self._later_starts(known.receiver, known.boot)
        return [*later, *([known.broke_at] if known.broke_at else [])]

    def _later_starts(self, receiver: str, boot: int) -> list[datetime]:
        return [at for later, at in self._starts.get(receiver, ()) if later > boot]

    def write(self) -> list[tuple[int, datetime]]:
        """Write sources and associations; those of former batches that were now told to have broken off, and when."""
        self._write_new(self._write_sources())
        broken = []
        for known in self._known.values():
            if known.state_in_row == known.state:
                continue
            moved = move(self._s, Association, "open", known.state, Association.id == known.id, closed_at=known.closed_at)
            if moved and known.broke_at is not None:
                broken.append((known.id, known.broke_at))
        return broken

    def _write_new(self, sources: dict[_Source, int]) -> None:
        new = {uid: known for uid, known in self._known.items() if not known.id}
        rows = [_row(uid, known, known.opened, sources) for uid, known in new.items() if known.opened is not None]
        insert_all(self._s, Association, rows)
        columns = (Association.uid, Association.id, Association.state)
        for chunk in chunks(new):
            for uid, row_id, state in self._s.execute(select(*columns).where(Association.uid.in_(chunk))):
                new[uid].id, new[uid].state_in_row = row_id, state

    def _write_sources(self) -> dict[_Source, int]:
        rows = [
            {"ae_title": title, "host": host, "first_seen_at": first, "last_seen_at": last}
            for (title, host), (first, last) in sorted(self._seen.items())
        ]
        insert_all(self._s, SourceAE, rows)
        found: dict[_Source, int] = {}
        for chunk in chunks(self._seen):
            query = select(SourceAE).where(tuple_(SourceAE.ae_title, SourceAE.host).in_(chunk)).order_by(SourceAE.id)
            for source in self._s.scalars(query.with_for_update()):
                key = (source.ae_title, source.host)
                source.last_seen_at = max(source.last_seen_at, self._seen[key][1])
                found[key] = source.id
        return found


def _row(uid: str, known: Known, fact: AssociationOpened, sources: dict[_Source, int]) -> dict[str, object]:
    return {
        "uid": uid,
        "source_id": sources[fact.calling_ae_title, fact.host],
        "receiver": fact.receiver,
        "boot": fact.boot,
        "called_ae_title": fact.called_ae_title,
        "opened_at": fact.at,
        "closed_at": known.closed_at,
        "state": known.state,
    }


def _starts(s: Session, lives: Iterable[tuple[str, int]]) -> dict[str, list[tuple[int, datetime]]]:
    """By receiver: the lives (boot, start) that are known to have begun after any of ``lives``, in their order."""
    first: dict[str, int] = {}
    for receiver, boot in lives:
        first[receiver] = min(first.get(receiver, boot), boot)
    found: dict[str, list[tuple[int, datetime]]] = {}
    for receiver, boot in first.items():
        of_receiver = (ReceiverLife.receiver == receiver, ReceiverLife.boot > boot)
        query = select(ReceiverLife.boot, ReceiverLife.started_at).where(*of_receiver).order_by(ReceiverLife.boot)
        found[receiver] = [(later, at) for later, at in s.execute(query)]
    return found

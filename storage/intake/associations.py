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


@dataclass
class Known:
    """An association as the batch has come to know it; ``id`` is 0 until its row is written, ``opened`` told of new ones."""

    opened: AssociationOpened | None
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
        columns = (Association.uid, Association.id, Association.state, Association.closed_at)
        for chunk in chunks(uids):
            for uid, row_id, state, closed_at in s.execute(select(*columns).where(Association.uid.in_(chunk))):
                self._known[uid] = Known(None, row_id, state, closed_at, state)
        self._starts = _starts(s, [one for one in opened if one.uid not in self._known])
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
        later = [(boot, at) for boot, at in self._starts.get(fact.receiver, ()) if boot > fact.boot]
        lost_at = min(later)[1] if later else None
        self._known[fact.uid] = Known(fact, state="lost" if later else "open", closed_at=lost_at)

    def note_ended(self, fact: AssociationEnded) -> None:
        """The first end stands; one of an association that isn't known says nothing."""
        known = self._known.get(fact.uid)
        if known is not None and known.state == "open":
            check_move(ASSOCIATION, "open", fact.end)
            known.state, known.closed_at = fact.end, fact.at

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


def _starts(s: Session, new: Iterable[AssociationOpened]) -> dict[str, list[tuple[int, datetime]]]:
    """By receiver: the lives (boot, start) that are known to have begun after that of any of ``new``."""
    first: dict[str, int] = {}
    for fact in new:
        first[fact.receiver] = min(first.get(fact.receiver, fact.boot), fact.boot)
    found: dict[str, list[tuple[int, datetime]]] = {}
    for receiver, boot in first.items():
        query = select(ReceiverLife.boot, ReceiverLife.started_at).where(
            ReceiverLife.receiver == receiver, ReceiverLife.boot > boot
        )
        found[receiver] = [(later, at) for later, at in s.execute(query)]
    return found

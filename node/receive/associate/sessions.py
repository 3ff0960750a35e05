"""The associations that are open now: what each has brought, and the record of its end.

An association gets a record only when it brought an instance, since a study waits for those, or asked for a service, since its
result may go back the same way. A record of an end that can't be written (the disk is full) is kept and written later; if we die
before, the next life's start record closes it as lost.
"""

from __future__ import annotations

from collections.abc import Hashable
from dataclasses import dataclass, field
from threading import Lock

from node.receive.associate.admission import Admission, Caller, Grant
from node.receive.spool.records import AssociationClosed, AssociationEnd, AssociationFacts
from node.receive.spool.spool import Spool
from storage.base.clock import Clock
from storage.base.errors import TransientError
from storage.base.log import get_logger

_log = get_logger(__name__)

NOBODY = Caller("", "", "")


@dataclass
class Session:
    """One association. ``busy`` is held while an instance is being stored or a request served; ``asked`` counts requests.

    ``grant`` is what ``admitted_by``, the admission that was asked last, gives to ``caller``; ``is_allowed`` is whether it still
    gives anything.
    """

    facts: AssociationFacts
    grant: Grant
    caller: Caller = NOBODY
    admitted_by: Admission | None = None
    is_allowed: bool = True
    stored: int = 0
    asked: int = 0
    refused: int = 0
    end: AssociationEnd = "aborted"
    busy: Lock = field(default_factory=Lock)


class Sessions:
    """Open sessions by pynetdicom's association object. Threads may share it."""

    def __init__(self, spool: Spool, clock: Clock) -> None:
        self.clock = clock
        self._spool = spool
        self._lock = Lock()
        self._open: dict[Hashable, Session] = {}
        self._unwritten: list[AssociationClosed] = []

    def open(self, key: Hashable, caller: Caller, grant: Grant) -> Session:
        """Begin the session of ``key``."""
        session = self._begin(caller, grant)
        with self._lock:
            self._open[key] = session
        return session

    def drop(self, key: Hashable) -> None:
        """Forget the session of ``key``: the association didn't come about."""
        with self._lock:
            self._open.pop(key, None)

    def get(self, key: Hashable) -> Session | None:
        """The session of ``key``, if it is open."""
        with self._lock:
            return self._open.get(key)

    def associations(self) -> list[Hashable]:
        """Those that are open now."""
        with self._lock:
            return list(self._open)

    def close(self, key: Hashable, end: AssociationEnd) -> None:
        """End a session; its second end changes nothing."""
        with self._lock:
            session = self._open.pop(key, None)
        if session is None:
            return
        facts = session.facts
        _log.info("association.ended", association=facts.uid, end=end, stored=session.stored, refused=session.refused)
        if session.stored or session.asked:
            self._write(AssociationClosed(facts, end, self.clock.utc()))

    def write_ends(self) -> None:
        """Try again what couldn't be written."""
        with self._lock:
            waiting, self._unwritten = self._unwritten, []
        for record in waiting:
            self._write(record)

    def _write(self, record: AssociationClosed) -> None:
        try:
            self._spool.put_record(record)
        except TransientError as error:
            _log.error("association.end-not-written", association=record.association.uid, exc_info=error)
            with self._lock:
                self._unwritten.append(record)

    def _begin(self, caller: Caller, grant: Grant) -> Session:
        calling, called = caller.calling.strip(" "), caller.called.strip(" ")
        facts = AssociationFacts(
            self._spool.new_name(), self._spool.receiver, self._spool.boot, calling, called, caller.host, self.clock.utc()
        )
        _log.info(
            "association.accepted",
            association=facts.uid,
            calling_ae_title=calling,
            called_ae_title=called,
            host=caller.host,
            source=grant.source,
            tls=caller.tls,
            certificate=caller.certificate.fingerprint if caller.certificate else None,
        )
        return Session(facts, grant, caller)

"""The desk of one receiver: everything that a network path asks on behalf of a peer.

It knows no PDU and no pynetdicom object but as a key; both paths, and the threads of all associations, share it.
"""

from __future__ import annotations

from collections.abc import Hashable
from threading import Lock
from typing import Any

from node.receive.associate.admission import NO_SPACE, STOPPING, Admission, Caller, Grant, Reject
from node.receive.associate.places import Places
from node.receive.associate.sessions import Session, Sessions
from node.receive.desk.admissions import Admissions
from node.receive.desk.receptions import Receiving, Turned
from node.receive.listen.sparing import Sparing
from node.receive.services.reports import LOOK_S
from node.receive.services.services import Service, Services
from node.receive.spool.records import AssociationEnd
from node.receive.spool.spool import Spool
from node.receive.store.status import SUCCESS, TABLE
from node.receive.store.storer import StoreCommand, Storer
from storage.base.errors import TransientError

TOO_MANY = Reject(2, 3, 2, "too-many-associations")


class Desk:
    """Admission, sessions and storing behind one counter. Without ``places`` nobody counts associations here."""

    def __init__(
        self, admissions: Admissions, spool: Spool, sessions: Sessions, storer: Storer, places: Places | None = None
    ) -> None:
        self.admissions = admissions
        self.sessions = sessions
        self._spool = spool
        self._storer = storer
        self._places = places
        self._lock = Lock()
        self._taken: dict[Hashable, int] = {}
        self.sparing = Sparing(sessions.clock)
        self.services = Services(spool, sessions.clock, self.may_use)

    def admit(self, key: Hashable, caller: Caller) -> Session | Reject:
        """Open the session of an association that is asked for, or say why not."""
        current = self.admissions.current  # read once: replaced meanwhile, it is asked anew at the next instance
        found = self._check(caller, current)
        if isinstance(found, Reject):
            return found
        if not self._take_place(key, found, caller.host):
            return TOO_MANY
        session = self.sessions.open(key, caller, found)
        session.admitted_by = current
        return session

    def begin_store(self, session: Session | None, command: StoreCommand) -> Receiving:
        """Where the data set of a C-STORE goes. Without a session the association has just ended, and nobody reads the answer."""
        if session is None:
            return Turned(None, "stopping")
        if not self.admissions.renew(session) or not session.grant.takes(command.abstract_syntax):
            return Turned(session, "not-allowed")
        return self._storer.begin(command, session)

    def echo(self, session: Session | None) -> int:
        """The status of a C-ECHO, whose only refusal by its class is 0122 (PS3.7 9.1.5.1.4)."""
        if session is None or not self.admissions.renew(session) or "echo" not in session.grant.services:
            return TABLE["not-negotiated"].status
        return SUCCESS

    def may_use(self, key: Hashable, service: Service) -> Session | None:
        """The session of an association whose caller may use this service now."""
        session = self.sessions.get(key)
        if session is None or not self.admissions.renew(session) or service not in session.grant.services:
            return None
        return session

    def look_every_s(self, assoc: Any) -> float | None:
        """How often `between_messages` wants to be called for an association; None: not now, ask again after each message."""
        return LOOK_S if self.services.reports.is_waiting(assoc) else None

    def between_messages(self, assoc: Any) -> None:
        """The association is silent, and the calling thread may use it: send what waits for its peer."""
        session = self.sessions.get(assoc)
        if session is not None:
            self.services.reports.send(assoc, session)

    def closed(self, key: Hashable, end: AssociationEnd | None = None) -> None:
        """An association has come to its end; without ``end`` as its session was last told."""
        session = self.sessions.get(key)
        if session is not None:
            self.sessions.close(key, end or session.end)

    def leaves(self, key: Hashable) -> None:
        """The peer has ended an association: its place is free before we say so, since its next request may follow at once."""
        with self._lock:
            place = self._taken.pop(key, None)
        if place is not None and self._places is not None:
            self._places.give_back(place)

    def ended(self, key: Hashable) -> None:
        """The thread of an association has done with it: what it didn't say is lost, and its place is free."""
        self.sessions.close(key, "lost")
        self.leaves(key)

    def _take_place(self, key: Hashable, grant: Grant, host: str) -> bool:
        if self._places is None:
            return True
        place = self._places.take(grant.source, host, grant.most_associations)
        if place is None:
            return False
        with self._lock:
            self._taken[key] = place
        return True

    def _check(self, caller: Caller, admission: Admission) -> Grant | Reject:
        if self._storer.stopping:
            return STOPPING
        found = admission.check(caller)
        if isinstance(found, Reject):
            return found
        try:
            return NO_SPACE if self._spool.is_nearly_full() else found
        except TransientError:
            return NO_SPACE

"""The admission in force, which may be replaced while associations are open."""

from __future__ import annotations

from node.receive.associate.admission import Admission, Grant
from node.receive.associate.sessions import Session


class Admissions:
    """Holds the newest `Admission`. Threads may share it: a reference is read or replaced whole."""

    def __init__(self, admission: Admission) -> None:
        self.current = admission

    def replace(self, admission: Admission) -> None:
        """From now on ``admission`` decides, for new associations and for the next instance of those that are open."""
        self.current = admission

    def renew(self, session: Session) -> bool:
        """Give an open session what its caller is granted now; False if that is nothing any more."""
        current = self.current
        if session.admitted_by is not current:
            found = current.check(session.caller)
            session.is_allowed = isinstance(found, Grant)
            if isinstance(found, Grant):
                session.grant = found
            session.admitted_by = current
        return session.is_allowed

"""The handlers of the stock path, from the parts that its server holds."""

from __future__ import annotations

from node.receive.associate.admission import Admission
from node.receive.associate.sessions import Sessions
from node.receive.desk import events
from node.receive.desk.admissions import Admissions
from node.receive.desk.desk import Desk
from node.receive.spool.spool import Spool
from node.receive.store.storer import Storer


class Handlers(events.Handlers):
    """As `node.receive.desk.events.Handlers`, with a desk of their own."""

    def __init__(self, admission: Admission, spool: Spool, sessions: Sessions, storer: Storer) -> None:
        super().__init__(Desk(Admissions(admission), spool, sessions, storer))

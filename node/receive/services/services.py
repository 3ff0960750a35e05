"""The DIMSE-N services of one receiver, as pynetdicom's events ask for them.

Each request is durable as a spool record before it is answered 0000; the database takes no part. What goes wrong is answered by
the tables of `node.receive.services.status`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Literal, TypeAlias, cast

from pydicom.dataset import Dataset
from pynetdicom import evt
from pynetdicom.dimse_primitives import N_ACTION, N_CREATE, N_SET

from node.offers import FOLDER as OFFERS_FOLDER
from node.offers import STORAGE_COMMITMENT, Offers
from node.receive.associate.negotiation import INSTANCE_AVAILABILITY_NOTIFICATION, MODALITY_PERFORMED_PROCEDURE_STEP
from node.receive.associate.sessions import Session
from node.receive.services.availability import Availability
from node.receive.services.commitment import Commitments
from node.receive.services.procedure_steps import ProcedureSteps
from node.receive.services.reports import Reports
from node.receive.services.status import AVAILABILITY, BUG, COMMITMENT, PROCEDURE_STEP, SUCCESS, Refused, Row, refusal
from node.receive.services.steps import Steps
from node.receive.spool.spool import Spool
from storage.base.clock import Clock
from storage.base.log import get_logger

_log = get_logger(__name__)

Service: TypeAlias = Literal["commitment", "mpps", "ian"]
# The session of an association if it may use this service now.
Admitted = Callable[[Any, Service], Session | None]
Answered: TypeAlias = tuple[int | Dataset, Dataset | None]


class Services:
    """Shared by the threads of all associations. ``admitted`` says whose session may use a service."""

    def __init__(self, spool: Spool, clock: Clock, admitted: Admitted) -> None:
        root = spool.folders.home.parent
        self.reports = Reports(Offers(root / OFFERS_FOLDER), spool, clock)
        self._admitted = admitted
        self._commitments = Commitments(spool, clock)
        self._steps = ProcedureSteps(spool, clock, Steps(root))
        self._availability = Availability(spool, clock)

    def bindings(self) -> list[Any]:
        """Events and handlers as pynetdicom takes them."""
        return [(evt.EVT_N_ACTION, self.on_action), (evt.EVT_N_CREATE, self.on_create), (evt.EVT_N_SET, self.on_set)]

    def on_action(self, event: evt.Event) -> Answered:
        """Request Storage Commitment."""
        request = cast(N_ACTION, event.request)

        def work(session: Session, syntax: str) -> None:
            _must_be(request.RequestedSOPClassUID, event, STORAGE_COMMITMENT)
            self._commitments.request(request, syntax, session)
            self.reports.expect(event.assoc)

        return self._answer(event, "commitment", COMMITMENT, work)

    def on_create(self, event: evt.Event) -> Answered:
        """A procedure step begins, or a notification of availability."""
        request = cast(N_CREATE, event.request)
        if event.context.abstract_syntax == INSTANCE_AVAILABILITY_NOTIFICATION:

            def notify(session: Session, syntax: str) -> str:
                _must_be(request.AffectedSOPClassUID, event, INSTANCE_AVAILABILITY_NOTIFICATION)
                return self._availability.create(request, syntax, session)

            return self._answer(event, "ian", AVAILABILITY, notify)

        def begin(session: Session, syntax: str) -> str:
            _must_be(request.AffectedSOPClassUID, event, MODALITY_PERFORMED_PROCEDURE_STEP)
            return self._steps.create(request, syntax, session)

        return self._answer(event, "mpps", PROCEDURE_STEP, begin)

    def on_set(self, event: evt.Event) -> Answered:
        """A procedure step goes on or ends."""
        request = cast(N_SET, event.request)

        def work(session: Session, syntax: str) -> None:
            _must_be(request.RequestedSOPClassUID, event, MODALITY_PERFORMED_PROCEDURE_STEP)
            self._steps.set(request, syntax, session)

        return self._answer(event, "mpps", PROCEDURE_STEP, work)

    def _answer(
        self, event: evt.Event, service: Service, table: Mapping[str, Row], work: Callable[[Session, str], str | None]
    ) -> Answered:
        """Do the work and answer, never raise."""
        session = self._admitted(event.assoc, service)
        try:
            if session is None:
                raise Refused("not-allowed")
            with session.busy:
                made = work(session, str(event.context.transfer_syntax))
                session.asked += 1
        except Exception as error:  # noqa: BLE001 - the outermost place: whatever happens, the peer gets a status of our table
            code, status = refusal(table, error)
            level = _log.error if code == BUG else _log.warning
            about = session.facts.uid if session is not None else ""
            level("service.refused", service=service, reason=code, association=about, exc_info=error if code == BUG else None)
            return status, None
        _log.info("service.served", service=service, association=session.facts.uid)
        return SUCCESS, _named(made) if made and not getattr(event.request, "AffectedSOPInstanceUID", None) else None


def _must_be(sop_class_uid: object, event: evt.Event, wanted: str) -> None:
    if str(sop_class_uid) != wanted or event.context.abstract_syntax != wanted:
        raise Refused("no-such-class")


def _named(uid: str) -> Dataset:
    """The name of what was created, where the request gave none: pynetdicom moves it into the command (PS3.7 10.1.5.1.4)."""
    made = Dataset()
    made.AffectedSOPInstanceUID = uid
    return made

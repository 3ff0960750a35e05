"""pynetdicom's events, turned into questions to the desk and its answers into pynetdicom's data sets."""

from __future__ import annotations

from typing import Any, cast

from pydicom.dataset import Dataset
from pynetdicom import evt
from pynetdicom.dimse_primitives import C_STORE
from pynetdicom.pdu_primitives import A_ABORT, A_P_ABORT, A_RELEASE

from node.receive.desk.desk import Desk
from node.receive.desk.requests import Requests
from node.receive.services.aside import report_aside
from node.receive.store.status import TABLE, Answer
from node.receive.store.storer import StoreCommand


class Handlers:
    """The handlers of one receiver; pynetdicom calls them from many threads."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk
        self._requests = Requests(desk)

    def shared_bindings(self) -> list[Any]:
        """Events and handlers that both paths need, as ``AE.make_server`` takes them."""
        return [
            (evt.EVT_REQUESTED, self._requests.on_requested),
            (evt.EVT_SOP_COMMON, self._requests.on_sop_common),
            (evt.EVT_C_ECHO, self.on_echo),
            (evt.EVT_C_STORE, self.on_store),
            *self._desk.services.bindings(),
            (evt.EVT_ACSE_RECV, self.on_acse),
            (evt.EVT_RELEASED, lambda event: self._desk.closed(event.assoc, "released")),
            (evt.EVT_ABORTED, lambda event: self._desk.closed(event.assoc)),
        ]

    def bindings(self) -> list[Any]:
        """Events and handlers of the stock path."""
        return [(evt.EVT_ESTABLISHED, self.on_established), *self.shared_bindings()]

    def on_established(self, event: evt.Event) -> None:
        """Stock reactors ask nobody between messages: results of storage commitment are sent from beside them."""
        sessions = self._desk.sessions
        report_aside(self._desk.services.reports, event.assoc, sessions.get, sessions.clock)

    def on_echo(self, event: evt.Event) -> int:
        """Answer C-ECHO; a C-STORE that names the Verification class is no success."""
        if isinstance(event.request, C_STORE):
            return TABLE["not-negotiated"].status
        return self._desk.echo(self._desk.sessions.get(event.assoc))

    def on_store(self, event: evt.Event) -> Dataset:
        """Store one instance; returns when it is durable or refused."""
        request = cast(C_STORE, event.request)
        assert request.DataSet is not None
        reception = self._desk.begin_store(
            self._desk.sessions.get(event.assoc),
            StoreCommand(
                sop_class_uid=str(request.AffectedSOPClassUID),
                sop_instance_uid=str(request.AffectedSOPInstanceUID),
                abstract_syntax=str(event.context.abstract_syntax),
                transfer_syntax_uid=str(event.context.transfer_syntax),
            ),
        )
        with request.DataSet.getbuffer() as data:
            reception.write(data)
        return _response(reception.finish())

    def on_acse(self, event: evt.Event) -> None:
        """The peer wants an end, or the connection broke, which pynetdicom reports as an abort a moment later: remember that."""
        session = self._desk.sessions.get(event.assoc)
        primitive = getattr(event, "primitive", None)  # an attribute of this event alone, so not of its type
        if isinstance(primitive, A_RELEASE | A_ABORT | A_P_ABORT):
            self._desk.leaves(event.assoc)
        if session is not None and isinstance(primitive, A_P_ABORT):
            session.end = "lost"


def _response(answer: Answer) -> Dataset:
    response = Dataset()
    response.Status = answer.status
    if answer.comment:
        response.ErrorComment = answer.comment
    if answer.offending:
        response.OffendingElement = answer.offending
    return response

"""What pynetdicom calls: its events turned into our admission, sessions and storing, and our answers into its data sets."""

from __future__ import annotations

import socket
from typing import Any, cast

from pydicom.dataset import Dataset
from pydicom.uid import UID
from pynetdicom import evt
from pynetdicom.association import Association
from pynetdicom.dimse_primitives import C_STORE
from pynetdicom.pdu_primitives import A_P_ABORT, SOPClassCommonExtendedNegotiation

from node.receive.associate import negotiation
from node.receive.associate.admission import NO_SPACE, STOPPING, Admission, Caller, Grant, Reject
from node.receive.associate.sessions import Sessions
from node.receive.spool.spool import Spool
from node.receive.store.status import STOPPED, SUCCESS, TABLE, Answer
from node.receive.store.storer import StoreCommand, Storer
from storage.base.errors import TransientError
from storage.base.log import get_logger

_log = get_logger(__name__)
_NO_REASON = Reject(1, 1, 1, "internal-error")


class Handlers:
    """The handlers of one receiver; pynetdicom calls them from many threads."""

    def __init__(self, admission: Admission, spool: Spool, sessions: Sessions, storer: Storer) -> None:
        self._admission = admission
        self._spool = spool
        self._sessions = sessions
        self._storer = storer

    def bindings(self) -> list[Any]:
        """Events and handlers as ``AE.make_server`` takes them."""
        return [
            (evt.EVT_CONN_OPEN, _send_at_once),
            (evt.EVT_DATA_RECV, _acknowledge_at_once),
            (evt.EVT_DATA_SENT, _acknowledge_at_once),
            (evt.EVT_REQUESTED, self.on_requested),
            (evt.EVT_SOP_COMMON, self.on_sop_common),
            (evt.EVT_C_ECHO, self.on_echo),
            (evt.EVT_C_STORE, self.on_store),
            (evt.EVT_ACSE_RECV, self.on_acse),
            (evt.EVT_RELEASED, lambda event: self._sessions.close(event.assoc, "released")),
            (evt.EVT_ABORTED, self.on_aborted),
        ]

    def on_requested(self, event: evt.Event) -> None:
        """Admit and negotiate, or reject. pynetdicom would swallow an exception and accept: so here any is a reject."""
        assoc = event.assoc
        try:
            found = self._check(assoc)
            if isinstance(found, Grant):
                self._sessions.open(assoc, _caller(assoc), found)
                proposed = _request(assoc).presentation_context_definition_list
                assoc.acceptor.supported_contexts = negotiation.supported_contexts(proposed)
                return
        except Exception as error:  # noqa: BLE001 - the outermost place: admission fails closed
            _log.error("association.admission-failed", exc_info=error)
            found = _NO_REASON
        self._sessions.drop(assoc)
        self._reject(assoc, found)

    def _check(self, assoc: Association) -> Grant | Reject:
        if self._storer.stopping:
            return STOPPING
        found = self._admission.check(_caller(assoc))
        if isinstance(found, Reject):
            return found
        try:
            return NO_SPACE if self._spool.is_nearly_full() else found
        except TransientError:
            return NO_SPACE

    def _reject(self, assoc: Association, reject: Reject) -> None:
        request = _request(assoc)
        _log.warning(
            "association.rejected",
            reason=reject.reason,
            calling_ae_title=str(request.calling_ae_title),
            called_ae_title=str(request.called_ae_title),
            host=assoc.requestor.address,
        )
        assoc.acse.send_reject(reject.result, reject.source, reject.diagnostic)
        assoc.kill()

    def on_sop_common(self, event: evt.Event) -> dict[UID, SOPClassCommonExtendedNegotiation]:
        """Send C-STORE of classes that pynetdicom doesn't know to its storage service."""
        return negotiation.storage_classes(_request(event.assoc).presentation_context_definition_list)

    def on_echo(self, event: evt.Event) -> int:
        """Answer C-ECHO; a C-STORE that names the Verification class is no success."""
        return TABLE["not-negotiated"].status if isinstance(event.request, C_STORE) else SUCCESS

    def on_store(self, event: evt.Event) -> Dataset:
        """Store one instance; returns when it is durable or refused."""
        request = cast(C_STORE, event.request)
        assert request.DataSet is not None
        session = self._sessions.get(event.assoc)
        if session is None:  # the association has just ended; nobody reads the answer
            return _response(STOPPED)
        reception = self._storer.begin(
            StoreCommand(
                sop_class_uid=str(request.AffectedSOPClassUID),
                sop_instance_uid=str(request.AffectedSOPInstanceUID),
                abstract_syntax=str(event.context.abstract_syntax),
                transfer_syntax_uid=str(event.context.transfer_syntax),
            ),
            session,
        )
        with request.DataSet.getbuffer() as data:
            reception.write(data)
        answer = reception.finish()
        return _response(answer)

    def on_acse(self, event: evt.Event) -> None:
        """Remember that the connection broke, which pynetdicom reports as an abort a moment later."""
        session = self._sessions.get(event.assoc)
        primitive = getattr(event, "primitive", None)  # an attribute of this event alone, so not of its type
        if session is not None and isinstance(primitive, A_P_ABORT):
            session.end = "lost"

    def on_aborted(self, event: evt.Event) -> None:
        """The association was aborted by either side, or its connection broke."""
        session = self._sessions.get(event.assoc)
        if session is not None:
            self._sessions.close(event.assoc, session.end)


def _caller(assoc: Association) -> Caller:
    request = _request(assoc)
    return Caller(assoc.requestor.address, str(request.calling_ae_title), str(request.called_ae_title))


def _request(assoc: Association) -> Any:
    return assoc.requestor.primitive


def _response(answer: Answer) -> Dataset:
    response = Dataset()
    response.Status = answer.status
    if answer.comment:
        response.ErrorComment = answer.comment
    if answer.offending:
        response.OffendingElement = answer.offending
    return response


def _socket(event: evt.Event) -> socket.socket | None:
    holder = event.assoc.dul.socket
    return None if holder is None else holder.socket


def _send_at_once(event: evt.Event) -> None:
    """Our answers are small and awaited: no Nagle."""
    found = _socket(event)
    if found is not None:
        found.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)


def _acknowledge_at_once(event: evt.Event) -> None:
    """A sender under Nagle holds back the rest until the first bytes are acknowledged: don't let the kernel wait with that.

    Linux takes this back whenever we send, so it is said again after each PDU in either direction.
    """
    found = _socket(event)
    if found is not None:
        found.setsockopt(socket.IPPROTO_TCP, socket.TCP_QUICKACK, 1)

"""A-ASSOCIATE requests: who asks, and what we would accept of what is asked for."""

from __future__ import annotations

from typing import Any

from pydicom.uid import UID
from pynetdicom import evt
from pynetdicom.association import Association
from pynetdicom.pdu_primitives import SOPClassCommonExtendedNegotiation

from node.receive.associate import negotiation
from node.receive.associate.admission import Caller, Reject
from node.receive.associate.negotiation import Negotiated
from node.receive.associate.user_identity import UserIdentity, user_identity
from node.receive.desk.desk import Desk
from node.receive.listen.sparing import Sparing
from storage.base.log import get_logger

_log = get_logger(__name__)
_NO_REASON = Reject(1, 1, 1, "internal-error")


class Requests:
    """Answers the events of an association's beginning."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk

    def on_requested(self, event: evt.Event) -> None:
        """Admit and negotiate, or reject. pynetdicom would swallow an exception and accept: so here any is a reject."""
        assoc = event.assoc
        try:
            found = self._answer(assoc)
            if isinstance(found, Negotiated):
                _agree(assoc, found)
                return
        except Exception as error:  # noqa: BLE001 - the outermost place: admission fails closed
            _log.error("association.admission-failed", exc_info=error)
            found = _NO_REASON
        self._desk.sessions.drop(assoc)
        _reject(assoc, found, self._desk.sparing)

    def _answer(self, assoc: Association) -> Negotiated | Reject:
        admitted = self._desk.admit(assoc, caller_of(assoc))
        return admitted if isinstance(admitted, Reject) else negotiation.negotiate(_request(assoc), admitted.grant)

    def on_sop_common(self, event: evt.Event) -> dict[UID, SOPClassCommonExtendedNegotiation]:
        """Send C-STORE of classes that pynetdicom doesn't know to its storage service."""
        return negotiation.storage_classes(_request(event.assoc))


def caller_of(assoc: Association) -> Caller:
    """Who asks, by the request and by the connection that it came on."""
    request = _request(assoc)
    return Caller(
        host=assoc.requestor.address,
        calling=str(request.calling_ae_title),
        called=str(request.called_ae_title),
        tls=getattr(assoc, "tls", False),
        certificate=getattr(assoc, "certificate", None),
        user=_user(assoc),
    )


def _user(assoc: Association) -> UserIdentity | None:
    item = assoc.requestor.user_identity
    if item is None:
        return None
    return user_identity(
        item.user_identity_type, item.primary_field or b"", item.secondary_field or b"", bool(item.positive_response_requested)
    )


def _agree(assoc: Association, negotiated: Negotiated) -> None:
    assoc.acceptor.supported_contexts = negotiated.contexts
    for item in negotiated.answers:
        assoc.acceptor.add_negotiation_item(item)


def _reject(assoc: Association, reject: Reject, sparing: Sparing) -> None:
    request = _request(assoc)
    sparing.tell(
        "association.rejected",
        reject.reason,
        assoc.requestor.address,
        calling_ae_title=str(request.calling_ae_title),
        called_ae_title=str(request.called_ae_title),
    )
    assoc.acse.send_reject(reject.result, reject.source, reject.diagnostic)
    assoc.kill()


def _request(assoc: Association) -> Any:
    return assoc.requestor.primitive

"""Results of storage commitment sent on associations that requesters have opened (PS3.4 J.3.3).

Whoever holds an association asks here between messages. An association that may carry results is looked at for a moment after it
began, for results of former requests, and for minutes after each request of its own.
"""

from __future__ import annotations

from dataclasses import dataclass
from io import BytesIO
from threading import Lock
from typing import Any
from weakref import WeakKeyDictionary

from pydicom.uid import UID
from pynetdicom.dimse_primitives import N_EVENT_REPORT
from pynetdicom.dsutils import encode

from node.offers import STORAGE_COMMITMENT, STORAGE_COMMITMENT_INSTANCE, Offer, Offers
from node.receive.associate.sessions import Session
from node.receive.spool.records import CommitmentReported
from node.receive.spool.spool import Spool
from storage.base.clock import Clock
from storage.base.errors import TransientError
from storage.base.log import get_logger

_log = get_logger(__name__)

LOOK_S = 0.2
AFTER_BEGIN_S = 5.0
AFTER_REQUEST_S = 600.0


@dataclass
class _Watch:
    context_id: int
    transfer_syntax: UID
    until_s: float
    message_id: int = 0


class _Unseen:
    """In place of a watch that was never asked for."""


_UNSEEN = _Unseen()


class Reports:
    """Sends what is offered; threads of many associations share it, each asks for its own."""

    def __init__(self, offers: Offers, spool: Spool, clock: Clock) -> None:
        self._offers = offers
        self._spool = spool
        self._clock = clock
        self._lock = Lock()
        self._watches: WeakKeyDictionary[Any, _Watch | None] = WeakKeyDictionary()

    def expect(self, assoc: Any) -> None:
        """A request came by this association: its result may go the same way."""
        watch = self._watch(assoc)
        if watch is not None:
            watch.until_s = self._clock.monotonic_s() + AFTER_REQUEST_S

    def is_waiting(self, assoc: Any) -> bool:
        """Whether `send` should be called every `LOOK_S` seconds or so, whenever the association is between messages."""
        watch = self._watch(assoc)
        return watch is not None and self._clock.monotonic_s() < watch.until_s

    def has_any(self, session: Session) -> bool:
        """Whether anything is offered to the peer, for this association or another. A glance at a folder."""
        return self._offers.are_there(session.facts.calling_ae_title)

    def send(self, assoc: Any, session: Session) -> None:
        """Send what is offered to this association now, in the calling thread; waits for the peer's answers."""
        watch = self._watch(assoc)
        while watch is not None and assoc.is_established:
            offer = self._offers.take(session.facts.calling_ae_title, session.facts.uid)
            if offer is None:
                return
            status = _report(assoc, watch, offer)
            _log.info("commitment.reported-here", association=session.facts.uid, status=status)
            try:
                self._spool.put_record(
                    CommitmentReported(
                        session.facts, self._clock.utc(), offer.commitment, offer.asked, offer.transaction_uid, status
                    )
                )
            except TransientError as error:  # it is reported once more then
                _log.error("commitment.report-not-written", association=session.facts.uid, exc_info=error)
            if status is None:
                watch.until_s = 0.0
                return  # no second try where the first stays without an answer

    def _watch(self, assoc: Any) -> _Watch | None:
        watch = self._watches.get(assoc, _UNSEEN)  # asked at every PDU, so without the lock: each association asks for itself
        if isinstance(watch, _Unseen):
            watch = self._begin(assoc)
            with self._lock:
                self._watches[assoc] = watch
        return watch

    def _begin(self, assoc: Any) -> _Watch | None:
        for context in assoc.accepted_contexts:
            if context.abstract_syntax == STORAGE_COMMITMENT:
                until_s = self._clock.monotonic_s() + AFTER_BEGIN_S
                return _Watch(context.context_id, UID(context.transfer_syntax[0]), until_s)
        return None


def _report(assoc: Any, watch: _Watch, offer: Offer) -> int | None:
    """One N-EVENT-REPORT and its answer; None when the association ended before it, or too much time went by.

    Requests of the peer may cross it: those are served meanwhile, as ever (PS3.7 10.1.1).
    """
    request = N_EVENT_REPORT()
    watch.message_id = request.MessageID = watch.message_id % 0xFFFF + 1
    request.AffectedSOPClassUID = UID(STORAGE_COMMITMENT)
    request.AffectedSOPInstanceUID = UID(STORAGE_COMMITMENT_INSTANCE)
    request.EventTypeID = offer.event_type
    syntax = watch.transfer_syntax
    data = encode(offer.event_information(), syntax.is_implicit_VR, syntax.is_little_endian)
    assert data is not None  # UIDs and numbers of ours
    request.EventInformation = BytesIO(data)
    assoc.dimse.send_msg(request, watch.context_id)
    while assoc.is_established:
        context_id, message = assoc.dimse.get_msg(block=True)
        if message is None:
            return None
        if isinstance(message, N_EVENT_REPORT) and message.MessageIDBeingRespondedTo == request.MessageID:
            return message.Status
        assoc._serve_request(message, context_id)
    return None

"""Requests for storage commitment: the Push Model as SCP (PS3.4 J.3.2). The answer 0000 says that the request is durable."""

from __future__ import annotations

from pydicom.dataset import Dataset
from pynetdicom.dimse_primitives import N_ACTION

from node.offers import STORAGE_COMMITMENT_INSTANCE
from node.receive.associate.sessions import Session
from node.receive.services import messages
from node.receive.services.status import Refused
from node.receive.spool.records import CommitmentRequested
from node.receive.spool.spool import Spool
from storage.base.clock import Clock

REQUEST_STORAGE_COMMITMENT = 1


class Commitments:
    """Takes N-ACTION requests for all associations of one receiver."""

    def __init__(self, spool: Spool, clock: Clock) -> None:
        self._spool = spool
        self._clock = clock

    def request(self, request: N_ACTION, transfer_syntax_uid: str, session: Session) -> None:
        """Keep one request. Raises Refused or TransientError."""
        if str(request.RequestedSOPInstanceUID) != STORAGE_COMMITMENT_INSTANCE:
            raise Refused("no-such-instance")
        if request.ActionTypeID != REQUEST_STORAGE_COMMITMENT:
            raise Refused("no-such-action")
        information = messages.read(request.ActionInformation, transfer_syntax_uid)
        if not len(information):
            raise Refused("no-argument")
        record = self._record(information, session)
        self._spool.require_space(0)
        self._spool.put_record(record)

    def _record(self, information: Dataset, session: Session) -> CommitmentRequested:
        found = messages.references([information], "ReferencedSOPSequence")
        if not found:
            raise Refused("bad-value", "ReferencedSOPSequence")
        transaction_uid = messages.uid(information, "TransactionUID")
        return CommitmentRequested(session.facts, self._clock.utc(), transaction_uid, found)

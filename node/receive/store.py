"""One C-STORE: check it, make it durable, or say why not. Knows bytes, UIDs and the spool; nothing of the network library.

When `Storer.store` returns, the sender may be told 0000: object and record are on the disk under their names. It does no more
than that: no database, no decoding of values or pixels.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass

from node.receive import status
from node.receive.identity import SOP_CLASS_UID, SOP_INSTANCE_UID, Identity, identify
from node.receive.part10 import file_head
from node.receive.quarantine import Verdict
from node.receive.records import InstanceReceived, Quarantined
from node.receive.sessions import Session
from node.receive.spool import Spool
from node.receive.status import Answer
from storage.base.clock import Clock
from storage.base.errors import PeerError, TransientError
from storage.base.log import get_logger
from storage.base.uids import check_uid

_log = get_logger(__name__)


@dataclass(frozen=True)
class StoreRequest:
    """A C-STORE request: the command's UIDs, the context's syntaxes, the data set's bytes as received."""

    sop_class_uid: str
    sop_instance_uid: str
    abstract_syntax: str
    transfer_syntax_uid: str
    data: memoryview


class Storer:
    """Stores for all associations of one receiver; threads may share it."""

    def __init__(self, spool: Spool, clock: Clock) -> None:
        self._spool = spool
        self._clock = clock
        self.stopping = False

    def store(self, request: StoreRequest, session: Session) -> Answer:
        """Store one instance and answer, never raise."""
        with session.busy:
            try:
                self._store(request, session)
            except Exception as error:  # noqa: BLE001 - the outermost place: whatever happens, the sender gets a status of our table
                session.refused += 1
                return self._refuse(request, session, error)
            session.stored += 1
            return status.STORED

    def _store(self, request: StoreRequest, session: Session) -> None:
        if self.stopping:
            raise TransientError("the receiver is stopping", code="stopping")
        self._spool.require_space(request.data.nbytes)
        if request.sop_class_uid != request.abstract_syntax:
            raise PeerError("the command's SOP Class isn't its context's", code="not-negotiated")
        check_uid(request.sop_instance_uid)
        identity = identify(request.data, request.transfer_syntax_uid)
        _compare(request, identity)
        head = file_head(request.sop_class_uid, request.sop_instance_uid, request.transfer_syntax_uid)
        self._spool.put_instance([head, request.data], self._record(request, session, identity, len(head)))

    def _record(self, request: StoreRequest, session: Session, identity: Identity, offset: int) -> InstanceReceived:
        return InstanceReceived(
            association=session.facts,
            received_at=self._clock.utc(),
            sop_class_uid=identity.sop_class_uid,
            sop_instance_uid=identity.sop_instance_uid,
            study_instance_uid=identity.study_instance_uid,
            series_instance_uid=identity.series_instance_uid,
            modality=identity.modality,
            transfer_syntax_uid=request.transfer_syntax_uid,
            sha256=hashlib.sha256(request.data).hexdigest(),
            size_bytes=request.data.nbytes,
            data_offset=offset,
        )

    def _refuse(self, request: StoreRequest, session: Session, error: Exception) -> Answer:
        answer = status.answer(error)
        name, verdict = "", ""
        if answer.keeps_bytes:
            try:
                name, verdict = self._quarantine(request, session, answer)
            except TransientError as full:
                answer = status.answer(full)
        level = _log.error if answer.code == status.BUG else _log.warning
        level(
            "instance.refused",
            status=f"{answer.status:04X}",
            reason=answer.code,
            tag=f"{answer.offending:08X}",
            quarantined=name,
            bytes=verdict,
            association=session.facts.uid,
            exc_info=error if answer.code in (status.BUG, "spool") else None,
        )
        return answer

    def _quarantine(self, request: StoreRequest, session: Session, answer: Answer) -> tuple[str, Verdict]:
        head = file_head(request.sop_class_uid, request.sop_instance_uid, request.transfer_syntax_uid)
        record = Quarantined(
            association=session.facts,
            received_at=self._clock.utc(),
            reason=answer.code,
            tag=f"{answer.offending:08X}",
            transfer_syntax_uid=request.transfer_syntax_uid,
            sha256=hashlib.sha256(request.data).hexdigest(),
            size_bytes=request.data.nbytes,
        )
        return self._spool.quarantine([head, request.data], record)


def _compare(request: StoreRequest, identity: Identity) -> None:
    for tag, command, dataset in (
        (SOP_CLASS_UID, request.sop_class_uid, identity.sop_class_uid),
        (SOP_INSTANCE_UID, request.sop_instance_uid, identity.sop_instance_uid),
    ):
        if command != dataset:
            raise PeerError("the data set names another instance than the command", code="dataset-mismatch", tag=f"{tag:08X}")

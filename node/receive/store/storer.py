"""One C-STORE: check it, make it durable, or say why not. Knows bytes, UIDs and the spool; nothing of the network library.

When `Storer.store` returns, the sender may be told 0000: object and record are on the disk under their names. It does no more
than that: no database, no decoding of values or pixels.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass

from node.receive.associate.sessions import Session
from node.receive.dataset.identity import SOP_CLASS_UID, SOP_INSTANCE_UID, Identity, identify
from node.receive.dataset.part10 import file_head
from node.receive.spool.durable import Bytes
from node.receive.spool.quarantine import Verdict
from node.receive.spool.records import InstanceReceived, Quarantined
from node.receive.spool.spool import Spool
from node.receive.store import status
from node.receive.store.status import Answer
from storage.base.clock import Clock
from storage.base.errors import PeerError, TransientError
from storage.base.log import get_logger
from storage.base.uids import check_uid

_log = get_logger(__name__)


@dataclass(frozen=True)
class StoreCommand:
    """A C-STORE request before its data set: the command's UIDs, the context's syntaxes."""

    sop_class_uid: str
    sop_instance_uid: str
    abstract_syntax: str
    transfer_syntax_uid: str


class Reception:
    """One instance on its way in. None of its methods raises: what fails is told in the answer, after the sender's last byte."""

    def __init__(self, storer: Storer, command: StoreCommand, session: Session) -> None:
        self._storer = storer
        self._command = command
        self._session = session
        self._data = bytearray()
        session.busy.acquire()

    def write(self, data: Bytes) -> None:
        """Take the next bytes of the data set."""
        self._data += data

    def finish(self) -> Answer:
        """The data set is whole: make it durable, or refuse it."""
        try:
            return self._storer.store(self._command, memoryview(self._data), self._session)
        finally:
            self._session.busy.release()

    def abandon(self) -> None:
        """The rest won't come: forget what did."""
        self._session.busy.release()


class Storer:
    """Stores for all associations of one receiver; threads may share it."""

    def __init__(self, spool: Spool, clock: Clock) -> None:
        self._spool = spool
        self._clock = clock
        self.stopping = False

    def begin(self, command: StoreCommand, session: Session) -> Reception:
        """An instance is coming; end it by ``finish`` or ``abandon``, and take no second one of the session before."""
        return Reception(self, command, session)

    def store(self, request: StoreCommand, data: memoryview, session: Session) -> Answer:
        """Store one instance and answer, never raise."""
        try:
            self._store(request, data, session)
        except Exception as error:  # noqa: BLE001 - the outermost place: whatever happens, the sender gets a status of our table
            session.refused += 1
            return self._refuse(request, data, session, error)
        session.stored += 1
        return status.STORED

    def _store(self, request: StoreCommand, data: memoryview, session: Session) -> None:
        if self.stopping:
            raise TransientError("the receiver is stopping", code="stopping")
        self._spool.require_space(data.nbytes)
        if request.sop_class_uid != request.abstract_syntax:
            raise PeerError("the command's SOP Class isn't its context's", code="not-negotiated")
        check_uid(request.sop_instance_uid)
        identity = identify(data, request.transfer_syntax_uid)
        _compare(request, identity)
        head = file_head(request.sop_class_uid, request.sop_instance_uid, request.transfer_syntax_uid)
        self._spool.put_instance([head, data], self._record(request, data, session, identity, len(head)))

    def _record(
        self, request: StoreCommand, data: memoryview, session: Session, identity: Identity, offset: int
    ) -> InstanceReceived:
        return InstanceReceived(
            association=session.facts,
            received_at=self._clock.utc(),
            sop_class_uid=identity.sop_class_uid,
            sop_instance_uid=identity.sop_instance_uid,
            study_instance_uid=identity.study_instance_uid,
            series_instance_uid=identity.series_instance_uid,
            modality=identity.modality,
            transfer_syntax_uid=request.transfer_syntax_uid,
            sha256=hashlib.sha256(data).hexdigest(),
            size_bytes=data.nbytes,
            data_offset=offset,
        )

    def _refuse(self, request: StoreCommand, data: memoryview, session: Session, error: Exception) -> Answer:
        answer = status.answer(error)
        name, verdict = "", ""
        if answer.keeps_bytes:
            try:
                name, verdict = self._quarantine(request, data, session, answer)
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

    def _quarantine(self, request: StoreCommand, data: memoryview, session: Session, answer: Answer) -> tuple[str, Verdict]:
        head = file_head(request.sop_class_uid, request.sop_instance_uid, request.transfer_syntax_uid)
        record = Quarantined(
            association=session.facts,
            received_at=self._clock.utc(),
            reason=answer.code,
            tag=f"{answer.offending:08X}",
            transfer_syntax_uid=request.transfer_syntax_uid,
            sha256=hashlib.sha256(data).hexdigest(),
            size_bytes=data.nbytes,
        )
        return self._spool.quarantine([head, data], record)


def _compare(request: StoreCommand, identity: Identity) -> None:
    for tag, command, dataset in (
        (SOP_CLASS_UID, request.sop_class_uid, identity.sop_class_uid),
        (SOP_INSTANCE_UID, request.sop_instance_uid, identity.sop_instance_uid),
    ):
        if command != dataset:
            raise PeerError("the data set names another instance than the command", code="dataset-mismatch", tag=f"{tag:08X}")

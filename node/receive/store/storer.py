"""One C-STORE: check it, make it durable, or say why not. Knows bytes, UIDs and the spool; nothing of the network library.

When `Reception.finish` answers 0000, object and record are on the disk under their names. It does no more than that: no
database, no decoding of values or pixels. The data set goes to the disk as it comes and is never held whole in memory.
"""

from __future__ import annotations

from dataclasses import dataclass

from node.receive.associate.sessions import Session
from node.receive.dataset.identity import SOP_CLASS_UID, SOP_INSTANCE_UID, Identity, identify
from node.receive.dataset.part10 import file_head
from node.receive.spool.durable import Bytes
from node.receive.spool.incoming import Incoming
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
    """One instance on its way in. None of its methods raises: what fails is told in the answer, after the sender's last byte.

    From the first failure on, nothing of the instance remains on the disk and its further bytes go by.
    """

    def __init__(self, storer: Storer, command: StoreCommand, session: Session) -> None:
        self._storer = storer
        self._command = command
        self._session = session
        self._incoming: Incoming | None = None
        self._failed: Exception | None = None
        session.busy.acquire()
        try:
            self._incoming = storer.admit(command)
        except Exception as error:  # noqa: BLE001 - the outermost place: whatever happens, the sender gets a status of our table
            self._failed = error

    def write(self, data: Bytes) -> None:
        """Take the next bytes of the data set; they may be overwritten after the call."""
        if self._incoming is not None:
            try:
                self._incoming.write(data)
            except Exception as error:  # noqa: BLE001 - as above
                self._failed = error
                self._drop()

    def finish(self) -> Answer:
        """The data set is whole: make it durable, or refuse it."""
        try:
            if self._incoming is None:
                raise self._failed or TransientError("nothing was begun", code=status.BUG)
            self._storer.store(self._command, self._incoming, self._session)
        except Exception as error:  # noqa: BLE001 - as above
            self._session.refused += 1
            return self._storer.refuse(self._command, self._incoming, self._session, error)
        else:
            self._session.stored += 1
            return status.STORED
        finally:
            self._drop()
            self._session.busy.release()

    def abandon(self) -> None:
        """The rest won't come: forget what did."""
        self._drop()
        self._session.busy.release()

    def _drop(self) -> None:
        incoming, self._incoming = self._incoming, None
        if incoming is not None:
            incoming.discard()


class Storer:
    """Stores for all associations of one receiver; threads may share it."""

    def __init__(self, spool: Spool, clock: Clock) -> None:
        self._spool = spool
        self._clock = clock
        self.stopping = False

    def begin(self, command: StoreCommand, session: Session) -> Reception:
        """An instance is coming; end it by ``finish`` or ``abandon``, and take no second one of the session before."""
        return Reception(self, command, session)

    def admit(self, command: StoreCommand) -> Incoming:
        """Check what can be checked before the first byte, and open a part file.

        Raises
        ------
        WetreadError
            With a code of the status table.
        """
        if self.stopping:
            raise TransientError("the receiver is stopping", code="stopping")
        if command.sop_class_uid != command.abstract_syntax:
            raise PeerError("the command's SOP Class isn't its context's", code="not-negotiated")
        check_uid(command.sop_instance_uid)
        return self._spool.begin(file_head(command.sop_class_uid, command.sop_instance_uid, command.transfer_syntax_uid))

    def store(self, command: StoreCommand, incoming: Incoming, session: Session) -> None:
        """Check a whole data set and make it durable.

        Raises
        ------
        WetreadError
            With a code of the status table.
        """
        try:
            identity = identify(incoming.data(), command.transfer_syntax_uid)
        except OSError as error:
            raise TransientError("spool: what was just written can't be read", code="spool") from error
        _compare(command, identity)
        record = self._record(command, incoming, session, identity)
        self._spool.put(incoming, record, sync=session.grant.durability == "full")

    def refuse(self, command: StoreCommand, incoming: Incoming | None, session: Session, error: Exception) -> Answer:
        """The answer to what went wrong; the bytes are quarantined where the status table says so."""
        answer = status.answer(error)
        name, verdict = "", ""
        if answer.keeps_bytes and incoming is not None:
            try:
                name, verdict = self._quarantine(command, incoming, session, answer)
            except Exception as full:  # noqa: BLE001 - as above
                answer, error = status.answer(full), full
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

    def _record(self, command: StoreCommand, incoming: Incoming, session: Session, identity: Identity) -> InstanceReceived:
        return InstanceReceived(
            association=session.facts,
            received_at=self._clock.utc(),
            sop_class_uid=identity.sop_class_uid,
            sop_instance_uid=identity.sop_instance_uid,
            study_instance_uid=identity.study_instance_uid,
            series_instance_uid=identity.series_instance_uid,
            modality=identity.modality,
            transfer_syntax_uid=command.transfer_syntax_uid,
            sha256=incoming.sha256,
            size_bytes=incoming.size_bytes,
            data_offset=incoming.data_offset,
        )

    def _quarantine(self, command: StoreCommand, incoming: Incoming, session: Session, answer: Answer) -> tuple[str, Verdict]:
        record = Quarantined(
            association=session.facts,
            received_at=self._clock.utc(),
            reason=answer.code,
            tag=f"{answer.offending:08X}",
            transfer_syntax_uid=command.transfer_syntax_uid,
            sha256=incoming.sha256,
            size_bytes=incoming.size_bytes,
        )
        return self._spool.quarantine(incoming, record)


def _compare(request: StoreCommand, identity: Identity) -> None:
    for tag, command, dataset in (
        (SOP_CLASS_UID, request.sop_class_uid, identity.sop_class_uid),
        (SOP_INSTANCE_UID, request.sop_instance_uid, identity.sop_instance_uid),
    ):
        if command != dataset:
            raise PeerError("the data set names another instance than the command", code="dataset-mismatch", tag=f"{tag:08X}")

"""A node's storage commitment within the test: a receiver, an index that keeps up, and who verifies and reports; and its SCU."""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from queue import Queue
from threading import Event, Thread
from typing import Any

from pydicom.dataset import Dataset
from pynetdicom import AE, build_context, evt
from pynetdicom.association import Association
from sqlalchemy import select

from node.deliver.backoff import Backoff
from node.deliver.commitment.loop import Committer
from node.deliver.commitment.reporter import Reporter
from node.deliver.commitment.verifier import Verifier
from node.offers import FOLDER, STORAGE_COMMITMENT, STORAGE_COMMITMENT_INSTANCE, Offers
from node.receive.index.indexer import index_pending
from node.receive.index.progress import mark
from node.settings import Peer
from storage.base.clock import SystemClock
from storage.base.errors import TransientError
from storage.blobs import Blobs, open_blobs
from storage.database import Database, open_database
from storage.schema import Commitment, Instance
from tests.support.ports import LOOPBACK
from tests.support.receiver import SCANNER, WETREAD, RunningReceiver
from tests.unit.node.receive.services.messages import dataset, references

CT = "1.2.840.10008.5.1.4.1.1.2"
_REPORT_ANSWER = bytes.fromhex("0000 0001 0200 0000 0081")  # (0000,0100) Command Field: N-EVENT-REPORT-RSP


@dataclass
class Told:
    """One N-EVENT-REPORT as its receiver saw it."""

    event_type: int
    transaction_uid: str
    committed: list[str]
    failed: dict[str, int]


def told(event: evt.Event) -> Told:
    """What an event report says."""
    request: Any = event.request
    information = event.event_information
    return Told(
        int(request.EventTypeID),
        str(information.TransactionUID),
        [str(item.ReferencedSOPInstanceUID) for item in information.get("ReferencedSOPSequence", [])],
        {str(i.ReferencedSOPInstanceUID): int(i.FailureReason) for i in information.get("FailedSOPSequence", [])},
    )


@dataclass
class Requester:
    """An SCU of storage commitment: stock pynetdicom, on associations of its own, and listening once told to.

    A report is in ``reports`` once its answer is sent: pynetdicom answers in a thread of its own, which falls over a release that
    was asked for meanwhile.
    """

    port: int
    ae_title: str = SCANNER
    reports: Queue[Told] = field(default_factory=Queue)
    status: int = 0x0000
    _heard: dict[Association, Told] = field(default_factory=dict)

    def associate(self) -> Association:
        contexts = [build_context(STORAGE_COMMITMENT), build_context(CT)]
        ae = AE(self.ae_title)
        return ae.associate(LOOPBACK, self.port, contexts=contexts, ae_title=WETREAD, evt_handlers=self._handlers())

    def ask(self, assoc: Association, instances: Sequence[Dataset | str], transaction: str = "1.9.1", sop_class: str = CT) -> int:
        """N-ACTION for these instances, or UIDs; the status."""
        uids = [one if isinstance(one, str) else str(one.SOPInstanceUID) for one in instances]
        asked = dataset(TransactionUID=transaction, ReferencedSOPSequence=references(*uids, sop_class=sop_class))
        status, _ = assoc.send_n_action(asked, 1, STORAGE_COMMITMENT, STORAGE_COMMITMENT_INSTANCE)
        return int(status.Status)

    @contextmanager
    def listening(self, port: int) -> Iterator[None]:
        """Take event reports on associations of the SCP's own."""
        ae = AE(self.ae_title)
        ae.add_supported_context(STORAGE_COMMITMENT, scu_role=False, scp_role=True)
        server = ae.start_server((LOOPBACK, port), block=False, evt_handlers=self._handlers())
        assert server is not None
        try:
            yield
        finally:
            server.shutdown()

    def _handlers(self) -> list[Any]:
        return [(evt.EVT_N_EVENT_REPORT, self._on_report), (evt.EVT_PDU_SENT, self._on_sent)]

    def _on_report(self, event: evt.Event) -> tuple[int, None]:
        self._heard[event.assoc] = told(event)
        return self.status, None

    def _on_sent(self, event: evt.Event) -> None:
        if _REPORT_ANSWER in event.pdu.encode():
            self.reports.put(self._heard.pop(event.assoc))


@dataclass
class Site:
    """A store behind a running receiver. ``committer`` may be run any number of times, one after the other."""

    db: Database
    blobs: Blobs
    receiver: RunningReceiver
    lives: int = 0

    @contextmanager
    def committing(self, *peers: Peer) -> Iterator[Committer]:
        """Verify and report within the block; a new life each time."""
        self.lives += 1
        worker = f"deliverer/{self.lives}"
        reporter = Reporter(
            db=self.db,
            offers=Offers(self.receiver.spool / FOLDER),
            peers=peers,
            ae_title=WETREAD,
            worker=worker,
            backoff=Backoff(0.2, 1.0),
            give_up_after_s=3600.0,
            chance=random.Random(1),
        )
        committer = Committer(self.db, [Verifier(self.db, self.blobs, worker, partial(mark, self.receiver.spool))], reporter)
        stop = Event()
        thread = Thread(target=committer.run, args=(stop,), daemon=True)
        thread.start()
        try:
            yield committer
        finally:
            stop.set()
            thread.join(30)
            assert not thread.is_alive()

    def commitments(self) -> list[Commitment]:
        """All requests."""
        with self.db.read() as s:
            return list(s.scalars(select(Commitment).order_by(Commitment.id)))

    def wait(self, state: str, seconds: float = 15.0) -> Commitment:
        """The newest request, once it is in ``state``."""
        for _ in range(round(seconds / 0.05)):
            found = self.commitments()
            if found and found[-1].state == state:
                return found[-1]
            self.db.clock.sleep(0.05)
        raise AssertionError(f"not {state}: {[(c.state, c.last_error) for c in self.commitments()]}")

    def wait_for_words(self, words: str) -> None:
        """Until the newest request tells of what it waits for."""
        for _ in range(300):
            found = self.commitments()
            if found and words in found[-1].last_error:
                return
            self.db.clock.sleep(0.05)
        raise AssertionError(f"not told: {words}")

    def file_of(self, instance: Dataset) -> Path:
        """Where the object of an instance lies, once it is indexed."""
        for _ in range(200):
            with self.db.read() as s:
                key = s.scalar(select(Instance.blob_key).where(Instance.sop_instance_uid == str(instance.SOPInstanceUID)))
            if key is not None:
                path = self.blobs.local_path(key)
                assert path is not None
                return path
            self.db.clock.sleep(0.05)
        raise AssertionError("not indexed")


@contextmanager
def site(folder: Path, receiver: RunningReceiver) -> Iterator[Site]:
    """A store that indexes what the receiver takes, ten times a second."""
    db = open_database(f"sqlite:///{folder / 'wetread.db'}", SystemClock())
    db.migrate()
    blobs = open_blobs(str(folder / "blobs"))
    stop = Event()

    def index() -> None:
        while not stop.wait(0.1):
            try:
                index_pending(receiver.spool, db, blobs)
            except TransientError:
                continue

    thread = Thread(target=index, daemon=True)
    thread.start()
    try:
        yield Site(db, blobs, receiver)
    finally:
        stop.set()
        thread.join(30)
        db.dispose()

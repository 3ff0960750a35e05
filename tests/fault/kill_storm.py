"""Senders at work while the receiving processes get kill -9 at random moments; then every promise that was given is looked at.

`python -m tests.fault.kill_storm --kills 1000 --senders 4 --seed 7` prints a table and ends with status 1 if one was broken.
Workers are killed at random, at set times the process above them, which a supervisor (here: the storm) starts again. Beside the
kills the indexer brings what is spooled into a database. A sender that lost its association sends the same again, as scanners do.
"""

from __future__ import annotations

import argparse
import hashlib
import os
import random
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, fields, replace
from pathlib import Path
from threading import Event, Thread

from pydicom.uid import CTImageStorage, ExplicitVRLittleEndian, generate_uid
from pynetdicom import build_context
from rich.console import Console
from rich.table import Table

from node.receive.index.indexer import index_pending
from node.receive.pool import master, seat
from storage.base.clock import SystemClock
from storage.blobs import Blobs, open_blobs
from storage.database import Database, open_database
from tests.fault.storm_ledger import Ledger, Summary, judged
from tests.support.attacker import ASSOCIATE_AC, RawPeer, associate_rq
from tests.support.dicom_builders import ct_series
from tests.support.ports import LOOPBACK
from tests.support.receiver import association, receiver_config
from tests.unit.node.receive.encoding import element, encoded, identified

MASTER_EVERY, MASTER_AT = 33, 5  # of so many kills the one of this number, from 0, hits the process above the workers
STOP_S = 60.0
PATIENCE_S = 3.0


@dataclass(frozen=True)
class Storm:
    """What is to happen. ``pause_s``: how long at most a kill waits once Instances were acknowledged."""

    kills: int
    senders: int = 4
    workers: int = 3
    seed: int = 7
    pause_s: float = 0.05


def run_storm(folder: Path, storm: Storm) -> Summary:
    """Let it happen in ``folder``."""
    began_s = time.monotonic()
    blobs, db = open_blobs(folder / "blobs"), open_database(f"sqlite:///{folder / 'storm.db'}", SystemClock())
    db.migrate()
    receiver = Receiver(folder, storm.workers)
    stop, failures = Event(), list[BaseException]()
    ledgers = [Ledger() for _ in range(storm.senders)]
    receiver.start()
    try:
        with _beside(
            stop, failures, [*_senders(storm, receiver.port, ledgers, stop), _Indexer(folder / "spool", db, blobs, stop)]
        ):
            of_masters = _kill(receiver, storm, ledgers, failures)
        receiver.stop()  # what a kill left is put in order by the next life
        receiver.start()
    finally:
        receiver.stop()
    while index_pending(folder / "spool", db, blobs).indexed:
        pass
    summary = judged(folder, db, blobs, ledgers)
    db.dispose()
    return replace(
        summary,
        kills_of_workers=storm.kills - of_masters,
        kills_of_masters=of_masters,
        seconds=time.monotonic() - began_s,
        senders_that_failed=len(failures),
    )


class Receiver:
    """The pool as a process on a port that stays, started again like a supervisor would."""

    def __init__(self, folder: Path, workers: int) -> None:
        self.port = _lasting_port()
        self._log = folder / "receiver.log"
        self._command = [sys.executable, "-m", "tests.fault.kill_storm", "--serve", str(folder / "spool")]
        self._command += ["--port", str(self.port), "--workers", str(workers)]
        self._process: subprocess.Popen[bytes] | None = None

    def start(self, works: bool = True) -> None:
        """Start it; with ``works`` wait until a worker does. Workers of a killed life hold the port until they are gone too."""
        end_s = time.monotonic() + STOP_S
        while time.monotonic() < end_s:
            with self._log.open("ab") as log:
                self._process = subprocess.Popen(self._command, stdout=subprocess.PIPE, stderr=log)
            assert self._process.stdout is not None
            if not works or self._process.stdout.readline():
                return
            self._process.wait()
            self._process.stdout.close()
            time.sleep(0.1)
        raise AssertionError(self._log.read_text()[-2000:])

    def stop(self) -> None:
        if self._process is not None:
            self._process.terminate()
            status = self._process.wait(STOP_S)
            self._close()
            assert status == 0, self._log.read_text()[-2000:]

    def kill_worker(self, chance: random.Random) -> bool:
        """kill -9 of a worker chosen at random; False while there is none."""
        assert self._process is not None
        pid = self._process.pid
        children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
        if not children:
            return False
        with suppress(ProcessLookupError):
            os.kill(int(chance.choice(children)), signal.SIGKILL)
        return True

    def kill_master(self) -> None:
        """kill -9 of the process above the workers, which takes them with it; then the next is started."""
        assert self._process is not None
        self._process.kill()
        self._process.wait()
        self._close()
        self.start()

    def end(self) -> None:
        """Kill it if it still runs, however far it has come."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._close()

    def _close(self) -> None:
        assert self._process is not None and self._process.stdout is not None
        self._process.stdout.close()
        self._process = None


def _lasting_port() -> int:
    """A free port below those that the kernel gives to clients: one of those might be a sender's own while nobody listens."""
    lowest_of_clients = int(Path("/proc/sys/net/ipv4/ip_local_port_range").read_text().split()[0])
    while True:
        with socket.socket() as probe, suppress(OSError):
            probe.bind((LOOPBACK, random.randrange(10_000, max(10_100, lowest_of_clients))))
            return int(probe.getsockname()[1])


def _kill(receiver: Receiver, storm: Storm, ledgers: list[Ledger], failures: list[BaseException]) -> int:
    """Kill as often as asked for; how often the process above was hit.

    Between two kills some Instances are acknowledged, so that each hits a receiver at work, or a few seconds pass.
    """
    chance = random.Random(storm.seed)
    done = of_masters = 0
    while done < storm.kills and not failures:
        wanted = _acknowledged(ledgers) + chance.randrange(1, 20)
        end_s = time.monotonic() + PATIENCE_S
        while _acknowledged(ledgers) < wanted and time.monotonic() < end_s:
            time.sleep(0.002)
        time.sleep(chance.random() * storm.pause_s)
        if done % MASTER_EVERY == MASTER_AT:
            receiver.kill_master()
            of_masters += 1
        elif not receiver.kill_worker(chance):
            continue
        done += 1
    return of_masters


def _acknowledged(ledgers: list[Ledger]) -> int:
    return sum(len(ledger.acknowledged) for ledger in ledgers)


@contextmanager
def _beside(stop: Event, failures: list[BaseException], works: list[_Sender | _Indexer]) -> Iterator[None]:
    """Run works beside the block, each in a thread; they end with it."""

    def guarded(work: _Sender | _Indexer) -> None:
        try:
            work.run()
        except BaseException as error:  # noqa: BLE001  # the storm ends and tells of it
            failures.append(error)

    threads = [Thread(target=guarded, args=(work,)) for work in works]
    for thread in threads:
        thread.start()
    try:
        yield
    finally:
        stop.set()
        for thread in threads:
            thread.join(STOP_S)


@dataclass
class _Indexer:
    spool: Path
    db: Database
    blobs: Blobs
    stop: Event

    def run(self) -> None:
        while not self.stop.wait(0.2):
            index_pending(self.spool, self.db, self.blobs)


@dataclass
class _Sender:
    """Sends small Instances, each under a UID of its own, over one association after the other."""

    port: int
    ledger: Ledger
    chance: random.Random
    stop: Event

    def run(self) -> None:
        study = generate_uid()
        again: tuple[str, bytes] | None = None
        while not self.stop.wait(0.01):
            with suppress(OSError, TimeoutError), RawPeer(self.port, LOOPBACK, timeout_s=15.0) as peer:
                if peer.negotiate(associate_rq()) != ASSOCIATE_AC:
                    continue
                self.ledger.associations += 1
                for _ in range(self.chance.randrange(1, 200)):
                    uid, data = again or self._made(study)
                    again = (uid, data)
                    if self._note(uid, peer.store(data, uid)) is None:
                        break
                    again = None
                    if self.stop.is_set():
                        break
                else:
                    peer.release()

    def _made(self, study: str) -> tuple[str, bytes]:
        uid = generate_uid()
        pixels = self.chance.randbytes(2 * self.chance.randrange(200, 6000))
        data = encoded(identified(uid, study, f"{study[:60]}.1")) + element(0x7FE00010, "OW", pixels)
        self.ledger.sha256[uid] = hashlib.sha256(data).hexdigest()
        return uid, data

    def _note(self, uid: str, status: int | None) -> int | None:
        self.ledger.tries[uid] += 1
        if status == 0x0000:
            self.ledger.acknowledged.add(uid)
        elif status is not None:
            self.ledger.refused[status] += 1
        return status


class _StockSender(_Sender):
    """The same by a stock pynetdicom SCU."""

    def run(self) -> None:
        while not self.stop.wait(0.01):
            with association(self.port, [build_context(CTImageStorage, ExplicitVRLittleEndian)]) as assoc:
                self.ledger.associations += assoc.is_established
                assoc.dimse_timeout = 5  # pynetdicom's SCU may miss an abort, and then waits for its answer
                while assoc.is_established and not self.stop.is_set():
                    self._send(assoc)

    def _send(self, assoc: object) -> None:
        uid = generate_uid()
        (dataset,) = ct_series(1, rows=32, columns=32, SOPInstanceUID=uid)
        dataset.file_meta.MediaStorageSOPInstanceUID = uid
        self.ledger.sha256[uid] = hashlib.sha256(encoded(dataset)).hexdigest()
        with suppress(RuntimeError, ValueError):  # no association any more
            status = assoc.send_c_store(dataset)  # type: ignore[attr-defined]
            self._note(uid, status.Status if "Status" in status else None)
            if "Status" not in status:
                assoc.abort()  # type: ignore[attr-defined]


def _senders(storm: Storm, port: int, ledgers: list[Ledger], stop: Event) -> list[_Sender | _Indexer]:
    """The first is a stock SCU."""
    kinds = [_StockSender, *[_Sender] * (len(ledgers) - 1)]
    return [
        kind(port, ledger, random.Random(f"{storm.seed} {number}"), stop)
        for number, (kind, ledger) in enumerate(zip(kinds, ledgers, strict=True))
    ]


def _serve(spool: Path, port: int, workers: int) -> None:
    seat.STEADY_S = 0.0  # a worker that was killed is well: its next life begins at once
    config = receiver_config(spool, max_associations=100)
    master.Master(replace(config, listen=replace(config.listen, port=port), processes=workers), SystemClock(), ready=_tell).run()


def _tell(port: int) -> None:
    os.write(1, f"{port}\n".encode())


def _main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--kills", type=int, default=1000)
    parser.add_argument("--senders", type=int, default=4)
    parser.add_argument("--workers", type=int, default=3)
    parser.add_argument("--seed", type=int, default=7)
    parser.add_argument(
        "--pause-s", type=float, default=0.05, help="how long at most a kill waits once instances were acknowledged"
    )
    parser.add_argument("--serve", type=Path, help=argparse.SUPPRESS)
    parser.add_argument("--port", type=int, help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.serve is not None:
        _serve(given.serve, given.port, given.workers)
        return 0
    with tempfile.TemporaryDirectory(prefix="kill-storm-") as folder:
        summary = run_storm(Path(folder), Storm(given.kills, given.senders, given.workers, given.seed, given.pause_s))
    table = Table("", "", title=f"{given.kills} times kill -9, {given.senders} senders, seed {given.seed}")
    for found in fields(summary):
        value = getattr(summary, found.name)
        table.add_row(found.name.replace("_", " "), f"{value:.0f}" if isinstance(value, float) else str(value))
    Console().print(table)
    return 1 if summary.broken else 0


if __name__ == "__main__":
    sys.exit(_main())

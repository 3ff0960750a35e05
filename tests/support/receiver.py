"""Receivers under test: in a thread of the test, and as a process that may be killed; and what their spool then holds.

`python -m tests.support.receiver SPOOL MINIMUM_FREE_BYTES PROCESSES [FIELD=NUMBER...]` is that process: it prints its port and
receives until SIGTERM.
"""

from __future__ import annotations

import hashlib
import json
import os
import struct
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from queue import Queue
from threading import Event, Thread
from typing import Any

from pydicom.dataset import Dataset
from pynetdicom import AE, build_context
from pynetdicom.association import Association
from pynetdicom.presentation import PresentationContext

from node.receive.associate.admission import Admission
from node.receive.listen.sockets import Listen, raise_descriptor_limit
from node.receive.pool.config import PathName
from node.receive.pool.master import Master
from node.receive.process import ReceiverConfig, receive
from node.receive.spool import records
from node.receive.spool.records import InstanceReceived, Quarantined
from node.receive.spool.segments import segments
from node.receive.spool.spool import SpoolFolders
from storage.base.clock import SystemClock
from storage.base.log import configure_logging
from tests.support.peers import run_tool
from tests.support.ports import LOOPBACK

SCANNER, WETREAD, RECEIVER = "SCANNER", "WETREAD", "receiver"


@dataclass(frozen=True)
class Held:
    """One instance in the spool: its record, and its data set's bytes as they lie there."""

    name: str
    record: InstanceReceived
    data: bytes

    @property
    def is_whole(self) -> bool:
        return len(self.data) == self.record.size_bytes and hashlib.sha256(self.data).hexdigest() == self.record.sha256


def receiver_config(
    spool: Path, minimum_free_bytes: int = 0, max_associations: int = 50, path: PathName = "fast"
) -> ReceiverConfig:
    """A receiver on a free loopback port that knows one scanner."""
    return ReceiverConfig(
        listen=Listen(LOOPBACK, 0, max_associations),
        admission=Admission(WETREAD, frozenset({SCANNER})),
        spool=spool,
        minimum_free_bytes=minimum_free_bytes,
        receiver=RECEIVER,
        path=path,
    )


@dataclass
class RunningReceiver:
    """A receiver that listens."""

    spool: Path
    port: int
    stop: Event

    @property
    def folders(self) -> SpoolFolders:
        return SpoolFolders(self.spool / RECEIVER)


@contextmanager
def running_receiver(spool: Path, config: ReceiverConfig | None = None) -> Iterator[RunningReceiver]:
    """A receiver in a thread; it is stopped as by SIGTERM at the end."""
    stop, started = Event(), Queue[int]()
    chosen = replace(config, spool=spool) if config else receiver_config(spool)
    thread = Thread(target=receive, args=(chosen, SystemClock(), stop, started.put), daemon=True)
    thread.start()
    running = RunningReceiver(spool, started.get(timeout=20), stop)
    try:
        yield running
    finally:
        stop.set()
        thread.join(30)
        assert not thread.is_alive()


@contextmanager
def receiver_process(
    spool: Path, log: Path, minimum_free_bytes: int = 0, processes: int = 1, **listen: int | float
) -> Iterator[tuple[subprocess.Popen[str], int]]:
    """A receiver as a process with its workers, and its port; worker n has the spool `worker_spool(spool, n)`.

    ``listen`` are fields of `Listen`. It is killed at the end if it still runs.
    """
    command = [sys.executable, "-m", "tests.support.receiver", str(spool), str(minimum_free_bytes), str(processes)]
    command += [f"{name}={value}" for name, value in listen.items()]
    with log.open("a") as stderr, subprocess.Popen(command, stdout=subprocess.PIPE, stderr=stderr, text=True) as process:
        assert process.stdout is not None
        try:
            yield process, int(process.stdout.readline())
        finally:
            process.kill()


def held(folders: SpoolFolders) -> list[Held]:
    """The instances that the journal tells of, in the order of their names. A line without its object raises."""
    found = []
    for segment in segments(folders.journal):
        for line in segment.lines():
            if isinstance(line.record, InstanceReceived):
                data = folders.object_of(line.name).read_bytes()[line.record.data_offset :]
                found.append(Held(line.name, line.record, data))
    return sorted(found, key=lambda one: one.name)


def is_bare(folders: SpoolFolders) -> bool:
    """Whether nothing is stored and nothing half written."""
    return not held(folders) and not list(folders.part.iterdir()) and not list(folders.objects.iterdir())


def dataset_bytes(path: Path) -> bytes:
    """What follows the file meta information of a DICOM file."""
    content = path.read_bytes()
    (length,) = struct.unpack_from("<I", content, 140)
    return content[144 + length :]


def echo(port: int, calling: str = SCANNER, called: str = WETREAD) -> subprocess.CompletedProcess[str]:
    """DCMTK's C-ECHO."""
    return run_tool("echoscu", "-v", "-aet", calling, "-aec", called, LOOPBACK, str(port))


def quarantined(folders: SpoolFolders) -> list[tuple[Quarantined, bytes]]:
    """The refused data sets and why they were."""
    found = []
    for path in sorted(folders.quarantine.glob("*.json")):
        record = records.decode(path.read_bytes())
        assert isinstance(record, Quarantined)
        content = path.with_suffix(".dcm").read_bytes()
        found.append((record, content[-record.size_bytes :]))
    return found


@contextmanager
def association(
    port: int, contexts: list[PresentationContext], calling: str = SCANNER, called: str = WETREAD
) -> Iterator[Association]:
    """An association of a stock pynetdicom SCU; released at the end if it was accepted."""
    assoc = AE(calling).associate(LOOPBACK, port, contexts=contexts, ae_title=called)
    connection = assoc.dul.socket.socket if assoc.dul.socket else None
    try:
        yield assoc
    finally:
        if assoc.is_established:
            assoc.release()
        if connection is not None:
            connection.close()  # pynetdicom leaves it open when the other side has gone first


def send(port: int, *datasets: Dataset) -> list[int]:
    """C-STORE data sets over one association, each in its own transfer syntax; the statuses."""
    pairs = {(str(d.SOPClassUID), str(d.file_meta.TransferSyntaxUID)) for d in datasets}
    with association(port, [build_context(sop_class, syntax) for sop_class, syntax in sorted(pairs)]) as assoc:
        assert assoc.is_established
        return [assoc.send_c_store(d).Status for d in datasets]


def worker_spool(spool: Path, worker: int = 0) -> SpoolFolders:
    """The spool of a worker of `receiver_process`."""
    return SpoolFolders(spool / f"{RECEIVER}-{worker}")


def worker_pids(log: Path) -> dict[int, int]:
    """The newest process of each worker, by the log."""
    lines = [json.loads(line) for line in log.read_text().splitlines() if '"worker.started"' in line]
    return {line["worker"]: line["worker_pid"] for line in lines}


def _main() -> None:
    config = receiver_config(Path(sys.argv[1]), int(sys.argv[2]))
    given = dict(argument.split("=") for argument in sys.argv[4:])
    fields: dict[str, Any] = {name: float(value) if "." in value else int(value) for name, value in given.items()}
    configure_logging()
    raise_descriptor_limit()
    chosen = replace(config, listen=replace(config.listen, **fields), processes=int(sys.argv[3]))
    Master(chosen, SystemClock(), ready=_tell).run()


def _tell(port: int) -> None:
    os.write(1, f"{port}\n".encode())


if __name__ == "__main__":
    _main()

"""A receiver, master and workers, as hostile peers find it: with short deadlines, crowded descriptors, a clock that jumps.

`python -m tests.support.besieged SPOOL OPTIONS` is that process; OPTIONS is a JSON object of `Options`. It prints its port.
"""

from __future__ import annotations

import json
import mmap
import os
import struct
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field, replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from node.receive.fast.limits import Limits
from node.receive.listen.sockets import raise_descriptor_limit
from node.receive.listen.tls import TlsListen
from node.receive.pool.config import PathName
from node.receive.pool.master import Master
from node.receive.spool.spool import SpoolFolders
from node.tls import TlsFiles
from storage.base.clock import SystemClock
from storage.base.log import configure_logging
from tests.support.ports import LOOPBACK
from tests.support.receiver import RECEIVER, receiver_config


@dataclass(frozen=True)
class Options:
    """``descriptors``: how many each worker holds from the first on; ``clock``: a file that holds the wall clock's offset.

    ``tls``: certificate, key and authority of a second port, ``tls_port``.
    """

    path: PathName = "fast"
    processes: int = 1
    listen: dict[str, Any] = field(default_factory=dict)
    limits: dict[str, Any] = field(default_factory=dict)
    descriptors: int = 0
    clock: str = ""
    tls: tuple[str, ...] = ()
    tls_port: int = 0


@dataclass(frozen=True)
class Besieged:
    """A receiver that runs; ``pid`` is its master's."""

    port: int
    pid: int
    spool: Path
    log: Path
    process: subprocess.Popen[str]
    clock: Path

    @property
    def folders(self) -> list[SpoolFolders]:
        """Of each worker."""
        return [SpoolFolders(home) for home in sorted(self.spool.glob(f"{RECEIVER}-*"))]

    def jump(self, seconds: float) -> None:
        """Set the wall clock so far from the real one, as all of its processes see it."""
        with self.clock.open("r+b") as file:
            file.write(struct.pack("<d", seconds))


@contextmanager
def besieged(folder: Path, **options: Any) -> Iterator[Besieged]:
    """A receiver in ``folder``; it is ended by SIGTERM, and must obey within 30 s."""
    spool, log, clock = folder / "spool", folder / "log", folder / "clock"
    clock.write_bytes(struct.pack("<d", 0.0))
    given = json.dumps(asdict(Options(**options, clock=str(clock))))
    command = [sys.executable, "-m", "tests.support.besieged", str(spool), given]
    with log.open("a") as stderr, subprocess.Popen(command, stdout=subprocess.PIPE, stderr=stderr, text=True) as process:
        assert process.stdout is not None
        try:
            port = process.stdout.readline()
            assert port, log.read_text()[-2000:]
            yield Besieged(int(port), process.pid, spool, log, process, clock)
            process.terminate()
            process.wait(30)
        finally:
            process.kill()


class JumpingClock(SystemClock):
    """The system's clock with an offset that another process sets."""

    def __init__(self, offset: mmap.mmap) -> None:
        self._offset = offset

    @property
    def offset_s(self) -> float:
        return float(struct.unpack("<d", self._offset[:8])[0])

    def utc(self) -> datetime:
        return super().utc() + timedelta(seconds=self.offset_s)


def _main() -> None:
    spool, options = Path(sys.argv[1]), Options(**json.loads(sys.argv[2]))
    configure_logging()
    raise_descriptor_limit()
    with Path(options.clock).open("rb") as file:
        clock = JumpingClock(mmap.mmap(file.fileno(), 8, access=mmap.ACCESS_READ))
    real = time.time
    time.time = lambda: real() + clock.offset_s  # as libraries see it
    for _ in range(options.descriptors):
        os.open(os.devnull, os.O_RDONLY)
    base = receiver_config(spool)
    config = replace(
        base,
        path=options.path,
        processes=options.processes,
        listen=replace(base.listen, **options.listen),
        limits=replace(Limits(), **options.limits),
        tls=_tls(options),
    )
    Master(config, clock, ready=_tell).run()


def _tls(options: Options) -> TlsListen | None:
    if not options.tls:
        return None
    certificate, key, ca = (Path(path) for path in options.tls)
    return TlsListen(LOOPBACK, options.tls_port, TlsFiles(certificate, key, ca), "none")


def _tell(port: int) -> None:
    os.write(1, f"{port}\n".encode())


if __name__ == "__main__":
    _main()

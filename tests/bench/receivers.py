"""The receivers that are compared. Each is started anew for each measurement, with an empty store, and checked after it."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from tests.bench import stock
from tests.bench.objects import Batch, digests
from tests.support.peers import Peer, orthanc, storescp
from tests.support.ports import free_port, free_ports
from tests.support.wetread_node import node_settings

LARGEST_PDU = 131072  # of DCMTK


@dataclass(frozen=True)
class Receiver:
    """A receiver that listens. ``check`` raises AssertionError when it doesn't hold all of a batch."""

    peer: Peer
    check: Callable[[Batch], None]

    @property
    def pid(self) -> int:
        assert self.peer.process is not None
        return self.peer.process.pid


Make = Callable[[Path], AbstractContextManager[Receiver]]


@dataclass(frozen=True)
class Setup:
    """A receiver under its name, and what its process and the sender's have in their environment besides."""

    name: str
    make: Make
    environment: tuple[tuple[str, str], ...] = ()


def without_nagle(setup: Setup) -> Setup:
    """The same with TCP_NODELAY=1, which DCMTK, and so Orthanc, reads on either side."""
    return Setup(setup.name, setup.make, (("TCP_NODELAY", "1"),))


@contextmanager
def environment(pairs: tuple[tuple[str, str], ...]) -> Iterator[None]:
    """Set variables for a while."""
    before = {key: os.environ.get(key) for key, _ in pairs}
    os.environ.update(pairs)
    try:
        yield
    finally:
        for key, value in before.items():
            if value is None:
                del os.environ[key]
            else:
                os.environ[key] = value


def wetread(**changes: Any) -> Make:
    """The receiver role alone, as `wetread serve --role receiver` runs it; ``changes`` are merged into its settings.

    With ``tls`` among them its peer's port is that of TLS.
    """

    @contextmanager
    def make(folder: Path) -> Iterator[Receiver]:
        folder.mkdir(parents=True)
        port, tls_port = free_ports(2)
        settings = {**node_settings(folder, port, None, []), "models": []}
        for key, value in changes.items():
            settings[key] = {**settings[key], **value} if isinstance(settings.get(key), dict) else value
        if "tls" in changes:
            settings["tls"] = {**changes["tls"], "port": tls_port}
            port = tls_port
        config = folder / "wetread.yaml"
        config.write_text(yaml.safe_dump(settings))
        command = [sys.executable, "-m", "node.cli", "serve", "--role", "receiver", "--config", str(config)]
        with _running(Peer("WETREAD", port, folder, command, patience_s=60.0)) as peer:
            yield Receiver(peer, lambda batch: _same(digests((folder / "spool").glob("*/objects/*")), batch))

    return make


def orthanc_receiver(**configuration: Any) -> Make:
    """Orthanc as Debian ships it: SQLite, each file synced."""

    @contextmanager
    def make(folder: Path) -> Iterator[Receiver]:
        with orthanc(folder, **configuration) as peer:

            def check(batch: Batch) -> None:
                assert peer.get("/statistics")["CountInstances"] == len(batch.objects)

            yield Receiver(peer, check)

    return make


def storescp_receiver(*options: str) -> Make:
    """DCMTK's storescp, which syncs nothing. ``options`` are its own."""

    @contextmanager
    def make(folder: Path) -> Iterator[Receiver]:
        with storescp(folder, *options) as peer:
            yield Receiver(peer, lambda batch: _count(peer.stored, batch))

    return make


def stock_receiver(*options: str) -> Make:
    """pynetdicom's own SCP, in a process of its own; it syncs nothing."""

    @contextmanager
    def make(folder: Path) -> Iterator[Receiver]:
        port, stored = free_port(), folder / "db"
        stored.mkdir(parents=True)
        command = [sys.executable, "-P", stock.__file__, str(port), str(stored), *options]
        with _running(Peer(stock.STOCK, port, folder, command)) as peer:
            yield Receiver(peer, lambda batch: _count(stored, batch))

    return make


@contextmanager
def _running(peer: Peer) -> Iterator[Peer]:
    peer.start()
    try:
        yield peer
    finally:
        peer.stop()


def _same(stored: list[str], batch: Batch) -> None:
    assert stored == batch.digests


def _count(folder: Path, batch: Batch) -> None:
    assert len(list(folder.iterdir())) == len(batch.objects)

"""Real peers on loopback: Orthanc and DCMTK's archive and receiver, each with its own folder and free ports.

A peer is found on PATH, started from an argument list and ended by its process id. Its log stays in its folder, which pytest
keeps for a failed test; when a peer doesn't come up, the end of the log is in the error.
"""

from __future__ import annotations

import http.client
import json
import os
import shutil
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

from tests.support.ports import LOOPBACK, free_port, free_ports, wait_until_listening
from tests.support.requirements import missing

STOP_S = 10.0
P = TypeVar("P", bound="Peer")
# What calls the peer back (C-MOVE): AE title -> port on loopback.
Clients = Mapping[str, int]


def tool(name: str, package: str = "dcmtk") -> str:
    """The path of a peer's program; the running test skips (or fails where ``peers`` is required) without it."""
    # Orthanc is in /usr/sbin, which Debian leaves out of a plain user's path.
    path = shutil.which(name, path=f"{os.environ.get('PATH', os.defpath)}:/usr/sbin")
    if path is None:
        missing("peers", f"{name} is not installed (Debian package {package})")
    return path


def run_tool(
    name: str, *arguments: str | Path, timeout_s: float = 60.0, package: str = "dcmtk"
) -> subprocess.CompletedProcess[str]:
    """Run a peer's program to its end; its exit status is the caller's to judge."""
    command = [tool(name, package), *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, errors="replace", timeout=timeout_s, check=False)


@dataclass
class Peer:
    """A peer that runs as a process; it can be stopped and started again with what it has stored."""

    ae_title: str
    port: int
    folder: Path
    command: Sequence[str]
    host: str = LOOPBACK
    patience_s: float = 20.0
    process: subprocess.Popen[bytes] | None = field(default=None, repr=False)

    def start(self) -> None:
        """Start it and wait until it listens."""
        with self.log_path.open("ab") as log:
            process = self.process = subprocess.Popen(
                self.command, stdout=log, stderr=log, stdin=subprocess.DEVNULL, cwd=self.folder
            )
        if not wait_until_listening(self.port, self.patience_s, lambda: process.poll() is None):
            tail = self.log_path.read_text(errors="replace")[-2000:]
            self.stop()
            raise RuntimeError(f"{self.command[0]} does not listen on port {self.port}:\n{tail}")

    def stop(self, *, kill: bool = False) -> None:
        """End it: SIGTERM, then SIGKILL; with ``kill`` by SIGKILL alone, as Orthanc takes seconds to end in order."""
        if self.process is None:
            return
        self.process.kill() if kill else self.process.terminate()
        try:
            self.process.wait(STOP_S)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        self.process = None

    @property
    def log_path(self) -> Path:
        return self.folder / "log.txt"

    @property
    def stored(self) -> Path:
        """The folder it keeps objects in."""
        return self.folder / "db"


@dataclass
class OrthancPeer(Peer):
    """Orthanc with its REST interface."""

    http_port: int = 0

    def start(self) -> None:
        super().start()
        assert wait_until_listening(self.http_port)

    def get(self, path: str) -> Any:
        """The JSON answer to a GET, such as ``/instances``."""
        return json.loads(self.request("GET", path))

    def post(self, path: str, document: Any) -> Any:
        """The JSON answer to a POST of ``document``."""
        return json.loads(self.request("POST", path, json.dumps(document).encode()))

    def request(self, method: str, path: str, body: bytes | None = None) -> bytes:
        """The raw answer; an HTTP error raises RuntimeError."""
        connection = http.client.HTTPConnection(self.host, self.http_port, timeout=30)
        try:
            connection.request(method, path, body)
            answer = connection.getresponse()
            content = answer.read()
        finally:
            connection.close()
        if answer.status >= 400:
            raise RuntimeError(f"{method} {path}: {answer.status} {answer.reason}")
        return content

    def find(self, level: str, **query: str) -> list[str]:
        """Orthanc's identifiers of what matches, such as ``find("Series", StudyInstanceUID=…, Modality="SEG")``."""
        found: list[str] = self.post("/tools/find", {"Level": level, "Query": query})
        return found

    def files(self, **query: str) -> list[bytes]:
        """The DICOM files of all matching instances."""
        return [self.request("GET", f"/instances/{found}/file") for found in self.find("Instance", **query)]


@contextmanager
def orthanc(folder: Path, clients: Clients | None = None, **configuration: Any) -> Iterator[OrthancPeer]:
    """A running Orthanc, AE title ORTHANC; ``configuration`` adds keys to its JSON file."""
    program = tool("Orthanc", "orthanc")
    dicom_port, http_port = free_ports(2)
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / "orthanc.json"
    modalities = {name.lower(): [name, LOOPBACK, port] for name, port in (clients or {}).items()}
    base = {
        "Name": "test",
        "StorageDirectory": str(folder / "db"),
        "IndexDirectory": str(folder / "db"),
        "DicomAet": "ORTHANC",
        "DicomPort": dicom_port,
        "HttpPort": http_port,
        "RemoteAccessAllowed": False,
        "DicomCheckCalledAet": True,
        "DicomAlwaysAllowEcho": True,
        "DicomAlwaysAllowStore": True,
        "DicomAlwaysAllowFind": True,
        "DicomAlwaysAllowGet": True,
        "DicomAlwaysAllowMove": True,
        "DicomModalities": modalities,
        "OverwriteInstances": False,
        "Plugins": [],
    }
    path.write_text(json.dumps({**base, **configuration}))
    with _running(OrthancPeer("ORTHANC", dicom_port, folder, [program, str(path)], http_port=http_port)) as peer:
        yield peer


@contextmanager
def dcmqrscp(folder: Path, clients: Clients | None = None) -> Iterator[Peer]:
    """DCMTK's archive, AE title DCMQRSCP; it keeps files in ``stored``."""
    program = tool("dcmqrscp")
    port = free_port()
    (folder / "db").mkdir(parents=True, exist_ok=True)
    path = folder / "dcmqrscp.cfg"
    hosts = "".join(f"{name.lower()} = ({name}, {LOOPBACK}, {p})\n" for name, p in (clients or {}).items())
    path.write_text(
        f"NetworkTCPPort = {port}\nMaxPDUSize = 131072\nMaxAssociations = 16\n"
        f"HostTable BEGIN\n{hosts}HostTable END\nVendorTable BEGIN\nVendorTable END\n"
        f"AETable BEGIN\nDCMQRSCP {folder / 'db'} RW (1000, 4096mb) ANY\nAETable END\n"
    )
    with _running(Peer("DCMQRSCP", port, folder, [program, "-c", str(path)])) as peer:
        yield peer


@contextmanager
def storescp(folder: Path, *options: str) -> Iterator[Peer]:
    """DCMTK's plain receiver, AE title STORESCP, every transfer syntax; it keeps files in ``stored``."""
    program = tool("storescp")
    port = free_port()
    (folder / "db").mkdir(parents=True, exist_ok=True)
    command = [program, "-aet", "STORESCP", "+xa", "--output-directory", str(folder / "db"), *options, str(port)]
    with _running(Peer("STORESCP", port, folder, command)) as peer:
        yield peer


@contextmanager
def _running(peer: P) -> Iterator[P]:
    peer.start()
    try:
        yield peer
    finally:
        peer.stop(kill=True)

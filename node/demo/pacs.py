"""The PACS of a demo: Orthanc when installed, else DCMTK's dcmqrscp, else a Storage SCP of pynetdicom's that is no PACS.

All listen on loopback on free ports, keep their data in the run's temporary folder and are ended by process id.
"""

from __future__ import annotations

import itertools
import json
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from pynetdicom import AE, AllStoragePresentationContexts, evt
from pynetdicom.events import Event

from node.demo.ports import LOOPBACK, free_ports

PACKAGES = {"Orthanc": "orthanc", "dcmqrscp": "dcmtk"}
STOP_S = 10.0


@dataclass(frozen=True)
class Pacs:
    """A running archive. ``keeps`` False: it can't be queried, ``received`` holds what came."""

    product: str
    ae_title: str
    host: str
    port: int
    keeps: bool
    received: Path
    name: str = "pacs"
    timeout_s: float = 30.0
    tls: None = None


def missing_packages() -> list[str]:
    """Debian packages that would give the demo a PACS, when none is there."""
    return [] if any(map(find_program, PACKAGES)) else list(PACKAGES.values())


def find_program(name: str) -> str | None:
    """The program's path; Debian keeps Orthanc where a plain user's PATH does not look."""
    return shutil.which(name) or shutil.which(name, path="/usr/sbin:/usr/local/sbin")


@contextmanager
def running_pacs(folder: Path, client_ae_title: str, out: Path) -> Iterator[Pacs]:
    """Start the best archive there is and end it at exit."""
    folder.mkdir(parents=True)
    if find_program("Orthanc"):
        with _orthanc(folder, client_ae_title) as pacs:
            yield pacs
    elif find_program("dcmqrscp"):
        with _dcmqrscp(folder, client_ae_title) as pacs:
            yield pacs
    else:
        with _plain_scp(out) as pacs:
            yield pacs


@contextmanager
def _process(command: list[str], folder: Path) -> Iterator[None]:
    with (folder / "log.txt").open("wb") as log:
        process = subprocess.Popen(command, stdout=log, stderr=log, stdin=subprocess.DEVNULL, cwd=folder)
    try:
        yield
    finally:
        process.terminate()
        try:
            process.wait(STOP_S)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


@contextmanager
def _orthanc(folder: Path, client_ae_title: str) -> Iterator[Pacs]:
    dicom, http = free_ports(2)
    configuration = {
        "Name": "Demo PACS",
        "StorageDirectory": str(folder / "db"),
        "IndexDirectory": str(folder / "db"),
        "DicomAet": "ORTHANC",
        "DicomPort": dicom,
        "HttpPort": http,
        "RemoteAccessAllowed": False,
        "DicomCheckCalledAet": True,
        "DicomAlwaysAllowStore": True,
        "DicomAlwaysAllowFind": True,
        "DicomAlwaysAllowGet": True,
        "DicomModalities": {"client": {"AET": client_ae_title, "Host": LOOPBACK, "Port": dicom, "AllowGet": True}},
        "Plugins": [],
    }
    path = folder / "orthanc.json"
    path.write_text(json.dumps(configuration))
    with _process([str(find_program("Orthanc")), str(path)], folder):
        yield Pacs("Orthanc", "ORTHANC", LOOPBACK, dicom, True, folder)


@contextmanager
def _dcmqrscp(folder: Path, client_ae_title: str) -> Iterator[Pacs]:
    (port,) = free_ports(1)
    (folder / "db").mkdir()
    path = folder / "dcmqrscp.cfg"
    path.write_text(
        f"NetworkTCPPort = {port}\nMaxPDUSize = 131072\nMaxAssociations = 16\n"
        f"HostTable BEGIN\nclient = ({client_ae_title}, {LOOPBACK}, {port})\nHostTable END\n"
        "VendorTable BEGIN\nVendorTable END\n"
        f"AETable BEGIN\nDEMOPACS {folder / 'db'} RW (200, 8192mb) ANY\nAETable END\n"
    )
    with _process([str(find_program("dcmqrscp")), "-c", str(path)], folder):
        yield Pacs("dcmqrscp (DCMTK)", "DEMOPACS", LOOPBACK, port, True, folder)


@contextmanager
def _plain_scp(out: Path) -> Iterator[Pacs]:
    (port,) = free_ports(1)

    count = itertools.count(1)

    def keep(event: Event) -> int:
        # Numbered: a file is never named by what a peer sent.
        (out / f"received-{next(count):03d}.dcm").write_bytes(event.encoded_dataset())
        return 0x0000

    ae = AE(ae_title="DEMOSCP")
    ae.supported_contexts = AllStoragePresentationContexts
    ae.add_supported_context("1.2.840.10008.1.1")
    server = ae.start_server((LOOPBACK, port), block=False, evt_handlers=[(evt.EVT_C_STORE, keep)])
    assert server is not None
    try:
        yield Pacs("no PACS (a pynetdicom Storage SCP)", "DEMOSCP", LOOPBACK, port, False, out)
    finally:
        server.shutdown()

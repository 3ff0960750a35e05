"""SIGHUP and changed certificates: who may send changes at once, and no association is dropped for it."""

from __future__ import annotations

import json
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
import yaml
from pynetdicom import AE, build_context
from pynetdicom.association import Association

from node.deliver import scu
from node.settings import Peer, PeerTls
from tests.support import certificates
from tests.support.dicom_builders import ct_series
from tests.support.ports import LOOPBACK, free_ports, wait_until_listening

CT, MR = "CTImageStorage", "MRImageStorage"
WORKERS = 2
SUCCESS, NOT_ALLOWED = 0x0000, 0x0124


@dataclass
class Receiver:
    """The receiver role as a process, with a settings file that a test may rewrite."""

    folder: Path
    settings: dict[str, Any]
    process: subprocess.Popen[bytes] | None = field(default=None, repr=False)

    def write(self, **changed: Any) -> None:
        self.settings.update(changed)
        (self.folder / "w.yaml").write_text(yaml.safe_dump(self.settings))

    def told(self, event: str) -> int:
        """How often the log tells of an event."""
        lines = (self.folder / "log").read_text().splitlines()
        return sum(json.loads(line)["event"] == event for line in lines if line.startswith("{"))

    def reload(self, event: str = "settings.taken", times: int = WORKERS) -> None:
        """SIGHUP, and wait until each worker has told of it."""
        assert self.process is not None
        wanted = self.told(event) + times
        self.process.send_signal(signal.SIGHUP)
        end_s = time.monotonic() + 20
        while self.told(event) < wanted:
            assert time.monotonic() < end_s, (self.folder / "log").read_text()
            time.sleep(0.02)

    def associate(self, calling: str) -> Association:
        contexts = [build_context("1.2.840.10008.5.1.4.1.1.2"), build_context("1.2.840.10008.1.1")]
        return AE(calling).associate(LOOPBACK, self.settings["node"]["port"], contexts=contexts, ae_title="WETREAD")


def _source(*calling: str, **more: Any) -> list[dict[str, Any]]:
    return [{"name": "ct", "calling": list(calling), **more}]


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Receiver]:
    tmp_path = tmp_path_factory.mktemp("receiver")
    port, tls_port = free_ports(2)
    pair = certificates.authority(tmp_path / "tls").pair("node")
    made = Receiver(
        tmp_path,
        {
            "node": {"port": port},
            "receive": {"processes": WORKERS},
            "store": {"spool": str(tmp_path / "spool"), "minimum_free_mb": 0},
            "tls": {"port": tls_port, "certificate": str(pair.certificate), "key": str(pair.key), "ca": str(pair.authority)},
            "sources": _source("CT1"),
        },
    )
    made.write()
    with (tmp_path / "log").open("ab") as log:
        command = [sys.executable, "-m", "node.receive", "--config", str(tmp_path / "w.yaml")]
        made.process = subprocess.Popen(command, stderr=log, stdin=subprocess.DEVNULL)
    try:
        assert wait_until_listening(port, 30), (tmp_path / "log").read_text()
        yield made
    finally:
        made.process.terminate()
        assert made.process.wait(30) == 0


@pytest.fixture
def receiver(running: Receiver) -> Receiver:
    """A receiver that admits CT1 alone."""
    running.write(sources=_source("CT1"))
    running.reload()
    return running


def test_who_may_send_changes_without_an_association_being_dropped(receiver: Receiver) -> None:
    first, *more = ct_series(5)
    opened = receiver.associate("CT1")
    assert opened.send_c_store(first).Status == SUCCESS

    receiver.write(sources=_source("CT2"))
    receiver.reload()
    assert opened.send_c_store(more[0]).Status == NOT_ALLOWED
    assert receiver.associate("CT1").is_rejected
    other = receiver.associate("CT2")
    assert other.send_c_echo().Status == SUCCESS
    other.release()

    receiver.write(sources=_source("CT1", sop_classes=[MR]))
    receiver.reload()
    assert opened.send_c_store(more[1]).Status == NOT_ALLOWED
    assert opened.send_c_echo().Status == SUCCESS

    receiver.write(sources=_source("CT1", sop_classes=[CT]))
    receiver.reload()
    assert opened.send_c_store(more[2]).Status == SUCCESS
    opened.release()
    assert opened.is_released


def test_settings_that_cannot_be_used_change_nothing(receiver: Receiver) -> None:
    opened = receiver.associate("CT1")
    receiver.write(sources=[{"name": "ct", "calling": "CT2"}])
    receiver.reload("settings.not-taken", 1)
    assert opened.send_c_store(ct_series(1)[0]).Status == SUCCESS
    opened.release()
    assert receiver.told("worker.started") == WORKERS


def test_a_new_certificate_is_shown_without_an_association_being_dropped(receiver: Receiver, tmp_path: Path) -> None:
    opened = receiver.associate("CT1")
    first = certificates.Authority(receiver.folder / "tls")
    scanner = first.pair("CT1")
    peer = Peer(name="node", ae_title="WETREAD", host=LOOPBACK, port=receiver.settings["tls"]["port"])
    ours = PeerTls(ca=scanner.authority, certificate=scanner.certificate, key=scanner.key)
    scu.echo(peer.model_copy(update={"tls": ours}), "CT1")

    second = certificates.authority(tmp_path / "later", "later").pair("node")
    for new, old in ((second.key, "node.key"), (second.certificate, "node.pem")):
        shutil.copyfile(new, receiver.folder / "tls" / old)
    time.sleep(1.1)  # the files are looked at once a second
    scu.echo(peer.model_copy(update={"tls": ours.model_copy(update={"ca": second.authority})}), "CT1")
    assert opened.send_c_store(ct_series(1)[0]).Status == SUCCESS
    opened.release()

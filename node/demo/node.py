"""The node of a demo: its own settings in a temporary folder, started as `wetread serve` and ended at exit."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import yaml

from node.deliver import scu
from node.demo.pacs import Pacs
from node.demo.ports import LOOPBACK, free_ports
from node.settings import PREFIX
from storage.base import environment
from storage.base.clock import Clock
from storage.base.errors import PeerError, TransientError, WetreadError

AE_TITLE = "WETREAD"
SENDER_AE_TITLE = "DEMOSCANNER"
QUIET_S = 2
START_S = 90.0
STOP_S = 45.0

RULES = {
    "rules": [
        {
            "name": "hippocampus",
            "when": 'Modality == "MR" && SeriesDescription.contains("HippoCrop")',
            "model": "hippocampus-mr",
            "deliver_to": ["pacs"],
            "quiet_s": QUIET_S,
        },
        {
            "name": "phantom-organs",
            "when": 'Modality == "CT" && SeriesDescription.startsWith("Wetread phantom")',
            "model": "phantom-organs-ct",
            "deliver_to": ["pacs"],
            "quiet_s": QUIET_S,
        },
    ]
}


@dataclass(frozen=True)
class DemoNode:
    """A running node, seen as a peer."""

    config: Path
    database: str
    port: int
    name: str = "wetread"
    ae_title: str = AE_TITLE
    host: str = LOOPBACK
    timeout_s: float = 30.0
    tls: None = None


@contextmanager
def running_node(folder: Path, pacs: Pacs, clock: Clock) -> Iterator[DemoNode]:
    """Write settings, start the node, wait until it answers C-ECHO; end it with SIGTERM."""
    node = _configure(folder, pacs)
    log_path = folder / "node.log"
    command = [sys.executable, "-m", "node.cli", "serve", "--config", str(node.config)]
    with log_path.open("wb") as log:
        # The user's own WETREAD_* variables would go over this file: a demo must never touch another store.
        process = subprocess.Popen(command, stdout=log, stderr=log, stdin=subprocess.DEVNULL, env=environment.without(PREFIX))
    try:
        _wait_for(node, process, log_path, clock)
        yield node
    finally:
        process.terminate()
        try:
            process.wait(STOP_S)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def _configure(folder: Path, pacs: Pacs) -> DemoNode:
    (port,) = free_ports(1)
    database = f"sqlite:///{folder / 'wetread.db'}"
    rules = folder / "rules.yaml"
    rules.write_text(yaml.safe_dump(RULES, sort_keys=False))
    settings = {
        "node": {"ae_title": AE_TITLE, "host": LOOPBACK, "port": port},
        "store": {"database": database, "blobs": str(folder / "blobs"), "spool": str(folder / "spool")},
        "rules": str(rules),
        "peers": [
            {"name": "pacs", "ae_title": pacs.ae_title, "host": pacs.host, "port": pacs.port},
            {"name": "scanner", "ae_title": SENDER_AE_TITLE, "host": LOOPBACK, "port": port, "send_to": False},
        ],
    }
    config = folder / "wetread.yaml"
    config.write_text(yaml.safe_dump(settings, sort_keys=False))
    return DemoNode(config, database, port)


def _wait_for(node: DemoNode, process: subprocess.Popen[bytes], log: Path, clock: Clock) -> None:
    deadline_s = clock.monotonic_s() + START_S
    while True:
        if process.poll() is not None:
            last = (log.read_text(errors="replace").strip().splitlines() or ["no message"])[-1]
            raise WetreadError(f"the node did not start: {last}")
        try:
            scu.echo(node, SENDER_AE_TITLE)
            return
        except (TransientError, PeerError):
            if clock.monotonic_s() > deadline_s:
                raise WetreadError(f"the node did not answer within {START_S:.0f} s; its log is {log}") from None
            clock.sleep(0.2)

"""A whole node under test: `wetread serve` as a process with a store of its own; its stories are read from that store."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from storage.base.clock import SystemClock
from storage.base.errors import TransientError
from storage.database import Database, open_database
from storage.views import study_story
from tests.support.peers import Peer
from tests.support.ports import LOOPBACK, free_port, wait_until_listening

SCANNER = "SCANNER"
HIPPOCAMPUS_RULE = {
    "name": "hippocampus",
    "when": 'Modality == "MR" && SeriesDescription.contains("HippoCrop")',
    "model": "hippocampus-mr",
    "deliver_to": ["pacs"],
    "quiet_s": 1,
}


def wetread(*arguments: str | Path, timeout_s: float = 120.0) -> subprocess.CompletedProcess[str]:
    """Run the command line to its end."""
    command = [sys.executable, "-m", "node.cli", *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, timeout=timeout_s, check=False)


@dataclass
class WetreadNode:
    """A running node. ``start`` and ``stop`` may be called again on the same store."""

    folder: Path
    port: int
    settings: dict[str, Any]
    process: subprocess.Popen[bytes] | None = field(default=None, repr=False)
    ae_title: str = "WETREAD"
    host: str = LOOPBACK

    @property
    def config(self) -> Path:
        return self.folder / "wetread.yaml"

    @property
    def log(self) -> Path:
        return self.folder / "node.log"

    def start(self) -> None:
        """Start `wetread serve` and wait until it listens."""
        self.config.write_text(yaml.safe_dump(self.settings))
        with self.log.open("ab") as log:
            command = [sys.executable, "-m", "node.cli", "serve", "--config", str(self.config)]
            self.process = subprocess.Popen(command, stdout=log, stderr=log, stdin=subprocess.DEVNULL)
        if not wait_until_listening(self.port, 60.0):
            self.stop()
            raise RuntimeError(f"the node does not listen:\n{self.log.read_text()[-3000:]}")

    def stop(self, kill: bool = False) -> None:
        """End it by SIGTERM, or with ``kill`` the supervisor by SIGKILL (its children end at end-of-file)."""
        if self.process is None:
            return
        self.process.kill() if kill else self.process.terminate()
        try:
            self.process.wait(60.0)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        self.process = None

    def log_lines(self, event: str) -> list[dict[str, Any]]:
        """The log's JSON lines of one event, oldest first."""
        lines = (line for line in self.log.read_text(errors="replace").splitlines() if line.startswith("{"))
        return [found for found in map(json.loads, lines) if found.get("event") == event]

    def pid(self, role: str) -> int:
        """The process of a role; ``host`` is the newest model host, ``worker`` the receiver's newest worker."""
        if role == "host":
            return int(self.log_lines("host.started")[-1]["pid"])
        if role == "worker":
            return int(self.log_lines("worker.started")[-1]["worker_pid"])
        return int([line for line in self.log_lines("role.started") if line["role"] == role][-1]["pid"])

    def kill(self, role: str) -> None:
        """kill -9 of one role's process."""
        os.kill(self.pid(role), signal.SIGKILL)

    def story(self, study_instance_uid: str) -> dict[str, Any] | None:
        """What `wetread show --json` prints, None while the study is unknown. A process for each look would slow the node."""
        with self._store() as db:
            return _story(db, study_instance_uid)

    def wait(self, uid: str, done: Callable[[dict[str, Any]], bool], timeout_s: float = 120.0) -> dict[str, Any]:
        """The story of a study as soon as ``done`` says so."""
        end_s, story = time.monotonic() + timeout_s, None
        with self._store() as db:
            while time.monotonic() < end_s:
                story = _story(db, uid)
                if story is not None and done(story):
                    return story
                time.sleep(0.1)
        raise AssertionError(f"not done after {timeout_s} s: {json.dumps(story, indent=1)[-4000:]}")

    @contextmanager
    def _store(self) -> Iterator[Database]:
        db = open_database(self.settings["store"]["database"], SystemClock())
        try:
            yield db
        finally:
            db.dispose()


def _story(db: Database, study_instance_uid: str) -> dict[str, Any] | None:
    try:
        with db.read() as session:
            found = study_story(session, study_instance_uid)
    except TransientError:
        return None
    told: dict[str, Any] | None = json.loads(json.dumps(found, default=str))
    return told


def delivered(story: dict[str, Any]) -> bool:
    """Whether all jobs are done and all their objects delivered."""
    jobs = story["jobs"]
    deliveries = [d for job in jobs for result in job["results"] for d in result["deliveries"]]
    return bool(deliveries) and all(j["state"] == "done" for j in jobs) and all(d["state"] == "delivered" for d in deliveries)


def node_settings(folder: Path, port: int, pacs: Peer | None, rules: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """Settings of a node whose store lies in ``folder``; writes its rules file."""
    (folder / "rules.yaml").write_text(yaml.safe_dump({"rules": list(rules)}))
    peers = [{"name": "pacs", "ae_title": pacs.ae_title, "host": pacs.host, "port": pacs.port}] if pacs else []
    return {
        "node": {"host": LOOPBACK, "port": port, "calling": [SCANNER]},
        "store": {
            "database": f"sqlite:///{folder / 'wetread.db'}",
            "blobs": str(folder / "blobs"),
            "spool": str(folder / "spool"),
        },
        "rules": str(folder / "rules.yaml"),
        "deliver": {"retry_base_s": 0.5},
        "peers": peers,
    }


@contextmanager
def running_node(folder: Path, pacs: Peer, rules: Sequence[dict[str, Any]] = (HIPPOCAMPUS_RULE,)) -> Iterator[WetreadNode]:
    """A node that delivers to ``pacs``."""
    folder.mkdir(parents=True, exist_ok=True)
    port = free_port()
    node = WetreadNode(folder, port, node_settings(folder, port, pacs, rules))
    node.start()
    try:
        yield node
    finally:
        node.stop()

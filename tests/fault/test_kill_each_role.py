"""kill -9 of each process while studies come in: each study ends with exactly one SEG and one SR at the PACS."""

from __future__ import annotations

import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest
from sqlalchemy import select

from node.commands.peers import outbound_files
from node.deliver import scu
from storage.base.clock import SystemClock
from storage.base.errors import TransientError
from storage.database import Database
from storage.schema import Job, Study
from tests.support import peers
from tests.support.databases import opened
from tests.support.studies import hippocampus_copy
from tests.support.wetread_node import HIPPOCAMPUS_RULE, SCANNER, WetreadNode, delivered, running_node

# A scanner that was cut off must be back within the quiet time: on a slow machine a receiver needs seconds to come up again.
_PATIENT_RULE = {**HIPPOCAMPUS_RULE, "quiet_s": 8}
RECEIVING = ("receiver", "worker")  # the role's own process, and one of those that it has forked
AT_WORK = ("inferring", "inferred", "reporting")


class _Node:
    """The node as the peer of a scanner."""

    name, ae_title, host, timeout_s, tls = "wetread", "WETREAD", "127.0.0.1", 20.0, None

    def __init__(self, port: int) -> None:
        self.port = port


def _send_until_stored(node: WetreadNode, folder: Path) -> None:
    """What a scanner does: send all of it again until every instance was answered with success."""
    for _ in range(60):
        try:
            if all(sent.status == 0x0000 for sent in scu.send(_Node(node.port), SCANNER, outbound_files([folder]))):
                return
        except TransientError:
            time.sleep(0.5)
    raise AssertionError("the node never took the study")


def _until(condition: Callable[[], bool]) -> None:
    end_s = time.monotonic() + 120.0
    while not condition():
        assert time.monotonic() < end_s
        time.sleep(0.02)


@dataclass
class _Site:
    """A node and its PACS. ``db`` is looked into for the moments to kill at: the command line takes a second of a processor."""

    folder: Path
    node: WetreadNode
    pacs: peers.OrthancPeer
    db: Database

    def send(self, number: int) -> str:
        """Send study ``number``; its Study Instance UID."""
        uid = hippocampus_copy(self.folder / f"study-{number}", number)
        _send_until_stored(self.node, self.folder / f"study-{number}")
        return uid

    def send_while_killing(self, number: int, role: str) -> str:
        """The same; meanwhile one of the receiving processes is killed."""
        uid = hippocampus_copy(self.folder / f"study-{number}", number)
        sending = threading.Thread(target=_send_until_stored, args=(self.node, self.folder / f"study-{number}"))
        sending.start()
        time.sleep(0.1 + 0.1 * number)
        self.node.kill(role)
        sending.join()
        return uid

    def kill_when(self, role: str, uid: str, states: tuple[str, ...]) -> None:
        """Wait until a job of the study is in one of ``states`` or done, then kill the role."""
        query = select(Job.state).join(Study, Study.id == Job.study_id).where(Study.study_instance_uid == uid)

        def is_so_far() -> bool:
            with self.db.read() as session:
                return bool(set(session.scalars(query)) & {*states, "done"})

        _until(is_so_far)
        self.node.kill(role)

    def await_host(self, number: int) -> None:
        """Until model host ``number``, from 1, was started."""
        _until(lambda: len(self.node.log_lines("host.started")) >= number)

    def assert_once(self, uid: str, after: str) -> None:
        """The study ends, with exactly one SEG and one SR at the PACS."""
        self.node.wait(uid, delivered, 120.0)
        series = self.pacs.find("Series", StudyInstanceUID=uid)
        held = Counter(self.pacs.get(f"/series/{one}")["MainDicomTags"]["Modality"] for one in series)
        assert held == {"SEG": 1, "SR": 1}, f"after the kill of {after}"
        assert len(self.pacs.find("Instance", StudyInstanceUID=uid)) == 2


@contextmanager
def _site(folder: Path, rule: dict[str, object]) -> Iterator[_Site]:
    with (
        peers.orthanc(folder / "orthanc") as pacs,
        running_node(folder / "node", pacs, [rule]) as node,
        opened(node.settings["store"]["database"], SystemClock()) as db,
    ):
        yield _Site(folder, node, pacs, db)


@pytest.mark.timeout(600)
def test_one_kill_of_each_role(tmp_path: Path) -> None:
    """Each while it has something to do; the second study's quiet time passes while the first is worked on."""
    with _site(tmp_path, _PATIENT_RULE) as site:
        first = site.send_while_killing(0, "receiver")
        second = site.send(1)
        site.node.kill("router")  # both studies wait for their quiet time
        site.await_host(1)
        site.kill_when("dispatcher", first, AT_WORK)  # and its host with it, which loads
        site.await_host(2)
        site.kill_when("host", second, AT_WORK)
        site.kill_when("deliverer", second, ())  # done: to be delivered
        for uid in (first, second):
            site.assert_once(uid, "all roles")
        killed = {line["role"] for line in site.node.log_lines("role.died")}
        assert killed == {"receiver", "router", "dispatcher", "deliverer"} and site.node.log_lines("host.lost")


@pytest.mark.slow
@pytest.mark.timeout(900)
@pytest.mark.parametrize("role", ["receiver", "worker", "router", "dispatcher", "host", "deliverer"])
def test_five_studies_one_kill_each(tmp_path: Path, role: str) -> None:
    with _site(tmp_path, _PATIENT_RULE if role in RECEIVING else HIPPOCAMPUS_RULE) as site:
        for number in range(5):
            if role in RECEIVING:
                uid = site.send_while_killing(number, role)
            else:
                uid = site.send(number)
                site.await_host(1)
                site.kill_when(role, uid, AT_WORK)
            site.assert_once(uid, role)

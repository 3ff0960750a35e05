"""kill -9 of each process while studies come in: each study ends with exactly one SEG and one SR at the PACS."""

from __future__ import annotations

import threading
import time
from collections import Counter
from pathlib import Path

import pytest

from node.commands.peers import outbound_files
from node.deliver import scu
from storage.base.errors import TransientError
from tests.support import peers
from tests.support.studies import hippocampus_copy
from tests.support.wetread_node import HIPPOCAMPUS_RULE, SCANNER, WetreadNode, delivered, running_node

# A scanner that was cut off must be back within the quiet time: on a slow machine a receiver needs seconds to come up again.
_PATIENT_RULE = {**HIPPOCAMPUS_RULE, "quiet_s": 8}
RECEIVING = ("receiver", "worker")  # the role's own process, and one of those that it has forked


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


def _kill_when(node: WetreadNode, role: str, uid: str, states: tuple[str, ...]) -> None:
    """Wait until a job of the study is in one of ``states``, then kill the role."""
    node.wait(uid, lambda story: any(job["state"] in states for job in story["jobs"]) or delivered(story), 90.0)
    node.kill(role)


def _one_study_one_kill(node: WetreadNode, pacs: peers.OrthancPeer, folder: Path, number: int, role: str) -> None:
    """Send study ``number``, kill the role while it is at work, and find exactly one SEG and one SR at the PACS."""
    uid = hippocampus_copy(folder, number)
    if role in RECEIVING:
        sending = threading.Thread(target=_send_until_stored, args=(node, folder))
        sending.start()
        time.sleep(0.1 + 0.1 * number)
        node.kill(role)
        sending.join()
    else:
        _send_until_stored(node, folder)
        _kill_when(node, role, uid, ("inferring", "inferred", "reporting"))
    node.wait(uid, delivered, 120.0)
    series = pacs.find("Series", StudyInstanceUID=uid)
    held = Counter(pacs.get(f"/series/{one}")["MainDicomTags"]["Modality"] for one in series)
    assert held == {"SEG": 1, "SR": 1}, f"after the kill of {role}"
    assert len(pacs.find("Instance", StudyInstanceUID=uid)) == 2


def _run(tmp_path: Path, roles: list[str]) -> None:
    """One node, one study for each of ``roles``, which is killed meanwhile."""
    rule = _PATIENT_RULE if roles[0] in RECEIVING else HIPPOCAMPUS_RULE
    with peers.orthanc(tmp_path / "orthanc") as pacs, running_node(tmp_path / "node", pacs, [rule]) as node:
        for number, role in enumerate(roles):
            _one_study_one_kill(node, pacs, tmp_path / f"study-{number}", number, role)


def test_one_kill_of_the_receiver(tmp_path: Path) -> None:
    _run(tmp_path, ["receiver"])


def test_one_kill_of_each_role_behind_it(tmp_path: Path) -> None:
    _run(tmp_path, ["dispatcher", "host", "deliverer", "router"])


@pytest.mark.slow
@pytest.mark.timeout(900)
@pytest.mark.parametrize("role", ["receiver", "worker", "dispatcher", "host"])
def test_five_studies_one_kill_each(tmp_path: Path, role: str) -> None:
    _run(tmp_path, [role] * 5)

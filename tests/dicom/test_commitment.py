"""Storage commitment as a requester sees it: told where it asked, where it listens, or when it comes again; and what."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from pydicom.dataset import Dataset
from pynetdicom import _config

from node.deliver.commitment import verifier
from node.settings import Peer
from storage import commitments
from tests.support import peers
from tests.support.commitment import CT, Requester, Site, Told, site
from tests.support.dicom_builders import ct_series
from tests.support.ports import LOOPBACK, free_port
from tests.support.receiver import SCANNER, WETREAD, receiver_config, running_receiver, send

MR = "1.2.840.10008.5.1.4.1.1.4"


@pytest.fixture
def node(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Site]:
    spool = tmp_path / "spool"
    with running_receiver(spool, receiver_config(spool)) as receiver, site(tmp_path, receiver) as made:
        # What the receiver asks of pynetdicom breaks, in this one process, the thread in which its SCU serves N-EVENT-REPORT.
        monkeypatch.setattr(_config, "PASS_CONTEXTVARS", False)
        monkeypatch.setattr(verifier, "PATIENCE_S", 1.0)
        yield made


@pytest.fixture
def requester(node: Site) -> Requester:
    return Requester(node.receiver.port)


def peer(port: int, ae_title: str = SCANNER) -> Peer:
    return Peer(name="scanner", ae_title=ae_title, host=LOOPBACK, port=port, timeout_s=5.0)


def uids(*instances: Dataset) -> list[str]:
    return [str(instance.SOPInstanceUID) for instance in instances]


def test_told_on_the_association_that_asked(node: Site, requester: Requester) -> None:
    series = ct_series(3)
    with node.committing(peer(free_port())):
        assoc = requester.associate()
        assert [assoc.send_c_store(one).Status for one in series] == [0] * 3
        assert requester.ask(assoc, series) == 0x0000
        assert requester.reports.get(timeout=15) == Told(1, "1.9.1", uids(*series), {})
        done = node.wait("reported")
        assert (done.requester, done.asked, done.last_error) == (SCANNER, 1, "")
        assert requester.ask(assoc, series) == 0x0000, "once more, the same"
        assert requester.reports.get(timeout=15).event_type == 1
        assoc.release()
        assert len(node.commitments()) == 1


def test_told_where_it_listens_when_it_has_gone(node: Site, requester: Requester) -> None:
    series = ct_series(2)
    port = free_port()
    with requester.listening(port), node.committing(peer(port)):
        send(node.receiver.port, *series)
        assoc = requester.associate()
        requester.ask(assoc, series)
        assoc.release()
        assert requester.reports.get(timeout=15) == Told(1, "1.9.1", uids(*series), {})
        node.wait("reported")


def test_what_is_not_safe_is_named_with_its_reason(node: Site, requester: Requester) -> None:
    whole, rotten, gone, other_class = ct_series(4)
    send(node.receiver.port, whole, rotten, gone, other_class)
    path = node.file_of(rotten)
    content = bytearray(path.read_bytes())
    content[-9] ^= 0x10
    path.unlink()
    path.write_bytes(content)
    node.file_of(gone).unlink()
    assoc = requester.associate()
    with node.committing():
        requester.ask(assoc, [whole, rotten, gone, "1.2.3.99"])
        assert requester.reports.get(timeout=15) == Told(
            2, "1.9.1", uids(whole), {**dict.fromkeys(uids(rotten, gone), 0x0110), "1.2.3.99": 0x0112}
        )
        requester.ask(assoc, [other_class], transaction="1.9.2", sop_class=MR)
        assert requester.reports.get(timeout=15) == Told(2, "1.9.2", [], {uids(other_class)[0]: 0x0119})
        requester.ask(assoc, [whole], transaction="1.9.2", sop_class=CT)
        assert requester.reports.get(timeout=15) == Told(2, "1.9.2", [], {uids(whole)[0]: 0x0131})
    assoc.release()


def test_instances_that_are_indexed_later_are_waited_for(
    node: Site, requester: Requester, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(verifier, "PATIENCE_S", 20.0)
    early, late = ct_series(2)
    send(node.receiver.port, early)
    with node.committing():
        assoc = requester.associate()
        requester.ask(assoc, [early, late])
        node.wait_for_words("aren't here yet")
        send(node.receiver.port, late)
        assert requester.reports.get(timeout=15).committed == uids(early, late)
        assoc.release()


def test_a_requester_that_nobody_knows_is_told_when_it_comes_again(node: Site, requester: Requester) -> None:
    series = ct_series(1)
    send(node.receiver.port, *series)
    with node.committing():
        assoc = requester.associate()
        requester.ask(assoc, series)
        assoc.release()
        waiting = _wait_for_error(node)
        assert "no peer has the AE title SCANNER" in waiting
        again = requester.associate()
        assert requester.reports.get(timeout=15).event_type == 1
        again.release()
        node.wait("reported")


def test_a_peer_that_is_added_is_told_after_the_restart(node: Site, requester: Requester) -> None:
    series = ct_series(1)
    send(node.receiver.port, *series)
    with node.committing():
        assoc = requester.associate()
        requester.ask(assoc, series)
        assoc.release()
        _wait_for_error(node)
    port = free_port()
    with requester.listening(port), node.committing(peer(port)):
        assert requester.reports.get(timeout=15).event_type == 1
        node.wait("reported")


def test_one_that_answers_with_a_failure_or_not_at_all_is_tried_again(node: Site, requester: Requester) -> None:
    series = ct_series(1)
    send(node.receiver.port, *series)
    port = free_port()
    with node.committing(peer(port)):
        assoc = requester.associate()
        requester.ask(assoc, series)
        assoc.release()
        assert "does not answer" in _wait_for_error(node)
        requester.status = 0x0110
        with requester.listening(port):
            assert requester.reports.get(timeout=15).event_type == 1
            _wait_for_error(node, "0x0110")
            requester.status = 0x0000
            assert requester.reports.get(timeout=15).event_type == 1
            node.wait("reported")


def test_a_worker_that_died_over_it_costs_nothing(node: Site, requester: Requester) -> None:
    """Between verifying and reporting, and in the midst of either."""
    series = ct_series(1)
    send(node.receiver.port, *series)
    port = free_port()
    assoc = requester.associate()
    requester.ask(assoc, series)
    assoc.release()
    node.wait("requested")
    dead = "deliverer/dead"
    claim = commitments.take(node.db, dead, 600.0, "verify")
    assert claim is not None
    _restart(node, dead)
    claim = commitments.take(node.db, dead, 600.0, "verify")
    assert claim is not None
    with node.db.write() as s:
        commitments.mark_verified(s, claim.fence, {}, node.db.clock.utc())
    assert commitments.take(node.db, dead, 600.0, "report") is not None
    _restart(node, dead)
    with requester.listening(port), node.committing(peer(port)):
        assert requester.reports.get(timeout=15).event_type == 1
        node.wait("reported")


def test_orthanc_asks_and_is_told(node: Site, tmp_path: Path) -> None:
    series = ct_series(2)
    configuration: dict[str, Any] = {"DicomModalities": {"wetread": [WETREAD, LOOPBACK, node.receiver.port]}, "DicomAet": SCANNER}
    with peers.orthanc(tmp_path / "orthanc", **configuration) as orthanc, node.committing(peer(orthanc.port)):
        send(node.receiver.port, *series)
        references = [[CT, uid] for uid in uids(*series)]
        asked = orthanc.post("/modalities/wetread/storage-commitment", {"DicomInstances": [*references, [CT, "1.2.3.99"]]})
        for _ in range(200):
            report = orthanc.get(f"/storage-commitment/{asked['ID']}")
            if report["Status"] != "Pending":
                break
            time.sleep(0.1)
        assert report["Status"] == "Failure"
        assert {one["SOPInstanceUID"] for one in report["Success"]} == set(uids(*series))
        assert [(one["SOPInstanceUID"], one["FailureReason"]) for one in report["Failures"]] == [("1.2.3.99", 0x0112)]
        node.wait("reported")


def _restart(node: Site, worker: str) -> None:
    with node.db.write() as s:
        assert commitments.release_former(s, "deliverer/", "deliverer/new", node.db.clock.utc())


def _wait_for_error(node: Site, words: str = "") -> str:
    for _ in range(300):
        found = node.commitments()
        if found and found[0].last_error and words in found[0].last_error and found[0].state == "verified":
            return found[0].last_error
        time.sleep(0.05)
    raise AssertionError("no error is told")

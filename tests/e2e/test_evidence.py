"""A whole node that is told what a study holds, and asked to commit to it: a scanner's normal day, with a kill in it."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from pydicom.dataset import Dataset
from pynetdicom import AE, _config, build_context

from tests.support import peers
from tests.support.commitment import CT, Requester
from tests.support.dicom_builders import ct_series
from tests.support.in_process import wetread_here
from tests.support.ports import LOOPBACK, free_port
from tests.support.receiver import send
from tests.support.wetread_node import SCANNER, WetreadNode, running_node
from tests.unit.node.receive.services.messages import MPPS, begun_step, ended_step

STEP = "1.2.826.0.1.3680043.8.498.8"
PATIENT_RULE = {
    "name": "patient",
    "when": 'SeriesDescription == "no such thing"',
    "model": "phantom-organs-ct",
    "deliver_to": [],
    "quiet_s": 600,
}


@pytest.fixture(scope="module")
def listens_at() -> int:
    return free_port()


@pytest.fixture(scope="module")
def node(tmp_path_factory: pytest.TempPathFactory, listens_at: int) -> Iterator[WetreadNode]:
    """A node whose only peer is the scanner."""
    folder = tmp_path_factory.mktemp("evidence")
    scanner = peers.Peer(SCANNER, listens_at, folder, ())
    with pytest.MonkeyPatch.context() as patch, running_node(folder / "node", scanner, [PATIENT_RULE]) as running:
        # A receiver within this process, of a test before, breaks the thread in which pynetdicom's SCU serves N-EVENT-REPORT.
        patch.setattr(_config, "PASS_CONTEXTVARS", False)
        yield running


def uids(series: list[Dataset]) -> list[str]:
    return [str(one.SOPInstanceUID) for one in series]


def tell(node: WetreadNode, study: str, step: str, listed: list[str]) -> None:
    """A procedure step from its begin to its end."""
    assoc = AE(SCANNER).associate(LOOPBACK, node.port, contexts=[build_context(MPPS)], ae_title="WETREAD")
    try:
        assert assoc.send_n_create(begun_step(study), MPPS, step)[0].Status == 0x0000
        ended = ended_step(*listed)
        for item in ended.PerformedSeriesSequence[0].ReferencedImageSequence:
            item.ReferencedSOPClassUID = CT
        assert assoc.send_n_set(ended, MPPS, step)[0].Status == 0x0000
    finally:
        assoc.release()


def until_status_says(node: WetreadNode, words: str) -> None:
    """While a report is tried, `wetread status` doesn't tell of the last try."""
    end_s = time.monotonic() + 60.0
    while words not in (said := wetread_here("status", "--config", node.config).stdout):
        assert time.monotonic() < end_s, said
        time.sleep(0.1)


def test_a_completed_procedure_step_completes_the_study_before_its_quiet_time(node: WetreadNode) -> None:
    series = ct_series(4)
    study = str(series[0].StudyInstanceUID)
    assert send(node.port, *series[:3]) == [0] * 3
    tell(node, study, STEP, uids(series))
    story = node.wait(study, lambda found: bool(found["evidence"]))
    assert (story["evidence"][0]["missing"], story["revisions"]) == (1, [])
    shown = wetread_here("show", study, "--config", node.config).stdout
    assert f"MPPS {STEP} lists 4 instances: 1 not held, so quiet time decides" in shown
    send(node.port, series[3])
    done = node.wait(study, lambda found: bool(found["revisions"]), 60.0)
    assert [e["missing"] for e in done["evidence"]] == [0]
    reason = f"MPPS {STEP} lists 4 instances, all held"
    assert all(reason in decision["trace"]["complete"] for decision in done["decisions"])
    assert f"complete: no association is open, {reason}" in wetread_here("show", study, "--config", node.config).stdout


def test_a_kill_between_verifying_and_reporting_is_told_once_it_can_be(node: WetreadNode, listens_at: int) -> None:
    series = ct_series(2)
    study = str(series[0].StudyInstanceUID)
    send(node.port, *series)
    requester = Requester(node.port)
    assoc = requester.associate()
    assert requester.ask(assoc, series) == 0x0000
    assoc.release()
    story = node.wait(study, lambda found: any(c["state"] == "verified" and c["last_error"] for c in found["commitments"]))
    assert story["commitments"][0]["failed"] == 0
    until_status_says(node, "not told after")
    node.kill("deliverer")
    with requester.listening(listens_at):
        assert requester.reports.get(timeout=60).committed == uids(series)
        node.wait(study, lambda found: found["commitments"][0]["state"] == "reported", 60.0)
        time.sleep(1.0)
        assert requester.reports.empty(), "once"
    assert "1 reported" in wetread_here("status", "--config", node.config).stdout
    assert not list(Path(node.settings["store"]["spool"]).glob("offers/*/*"))

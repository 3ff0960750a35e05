"""The delivery loop with a real store and real peers: what goes wrong with one object or peer stays there."""

from __future__ import annotations

import random
from collections.abc import Iterator
from hashlib import sha256
from io import BytesIO
from pathlib import Path
from threading import Event, Thread

import pytest

from node.deliver.backoff import Backoff
from node.deliver.loop import Deliverer
from node.settings import Peer
from storage import deliveries, jobs
from storage.base.clock import ManualClock
from storage.blobs import Blobs, open_blobs
from storage.database import Database, open_database
from tests.support import peers
from tests.support.dicom_builders import ct_series
from tests.support.ports import LOOPBACK, free_port
from tests.support.seeds import done_job


@pytest.fixture
def db(tmp_path: Path) -> Iterator[Database]:
    database = open_database(f"sqlite:///{tmp_path / 'w.db'}", ManualClock())
    database.migrate()
    yield database
    database.dispose()


@pytest.fixture
def blobs(tmp_path: Path) -> Blobs:
    return open_blobs(str(tmp_path / "blobs"))


def _finished(db: Database, blobs: Blobs, destinations: tuple[str, ...] = ("pacs",)) -> None:
    """A job whose "SEG" and "SR" are two CT images: what they are is nothing to the loop."""
    made = []
    for role, dataset in zip(("seg", "sr"), ct_series(2, 16, 16), strict=True):
        buffer = BytesIO()
        dataset.save_as(buffer, enforce_file_format=True)
        payload = buffer.getvalue()
        blobs.put(f"jobs/{role}.dcm", payload)
        digest = sha256(payload).hexdigest()
        made.append(
            jobs.NewResult(
                role,
                f"jobs/{role}.dcm",
                digest,
                len(payload),
                dataset.SOPClassUID,
                dataset.SOPInstanceUID,
                dataset.SeriesInstanceUID,
            )
        )
    done_job(db, destinations, made)


def _deliverer(db: Database, blobs: Blobs, **ports: int) -> Deliverer:
    known = {n: Peer(name=n, ae_title="ANY", host=LOOPBACK, port=p, timeout_s=5.0) for n, p in ports.items()}
    return Deliverer(db, blobs, known, "WETREAD", "w/1", Backoff(5.0, 60.0), 3600.0, random.Random(1))


def _states(db: Database) -> dict[str, tuple[str, str]]:
    with db.read() as s:
        return {f"{d.peer}-{d.result_id}": (d.state, d.last_error) for d in deliveries.list_(s)}


def test_segmentation_goes_first_and_both_arrive(tmp_path: Path, db: Database, blobs: Blobs) -> None:
    _finished(db, blobs)
    with peers.storescp(tmp_path / "scp") as scp:
        deliverer = _deliverer(db, blobs, pacs=scp.port)
        assert [deliverer.serve_once("pacs") for _ in range(3)] == [1, 1, 0]
        assert len(list(scp.stored.iterdir())) == 2
    assert {state for state, _ in _states(db).values()} == {"delivered"}


def test_a_peer_that_cuts_the_association_is_tried_again_after_a_pause(tmp_path: Path, db: Database, blobs: Blobs) -> None:
    _finished(db, blobs)
    with peers.storescp(tmp_path / "scp", "--abort-during") as scp:
        deliverer = _deliverer(db, blobs, pacs=scp.port)
        deliverer.serve_once("pacs")
        assert deliverer.serve_once("pacs") == 0
        assert ("pending", "peer pacs: the association ended before the answer to C-STORE") in _states(db).values()
        db.clock.sleep(5.0)
        assert deliverer.serve_once("pacs") == 1


def test_a_damaged_result_is_never_sent(tmp_path: Path, db: Database, blobs: Blobs) -> None:
    _finished(db, blobs)
    damaged = bytearray(blobs.get("jobs/seg.dcm"))
    damaged[-1] ^= 1
    blobs.put("jobs/seg.dcm", bytes(damaged))
    with peers.storescp(tmp_path / "scp") as scp:
        _deliverer(db, blobs, pacs=scp.port).serve_once("pacs")
        assert list(scp.stored.iterdir()) == []
    (failed,) = [error for state, error in _states(db).values() if state == "failed"]
    assert "not what was validated" in failed and "wetread jobs rerun" in failed


def test_a_host_name_without_an_address_is_tried_again(db: Database, blobs: Blobs) -> None:
    _finished(db, blobs)
    deliverer = _deliverer(db, blobs)
    deliverer.peers = {"pacs": Peer(name="pacs", ae_title="ANY", host="no-such-host.invalid", port=104, timeout_s=5.0)}
    deliverer.serve_once("pacs")
    assert ("pending", "peer pacs: the name no-such-host.invalid can't be resolved; check host and DNS") in _states(db).values()


def test_a_dead_peer_and_an_unknown_one_hold_nobody_up(tmp_path: Path, db: Database, blobs: Blobs) -> None:
    _finished(db, blobs, ("pacs", "dead", "gone"))
    stop = Event()
    with peers.storescp(tmp_path / "scp") as scp:
        deliverer = _deliverer(db, blobs, pacs=scp.port, dead=free_port())
        thread = Thread(target=deliverer.run, args=(stop,))
        thread.start()
        for _ in range(300):
            states = _states(db)
            if sum(state == "delivered" for state, _ in states.values()) == 2 and any(
                state == "failed" for state, _ in states.values()
            ):
                break
            stop.wait(0.1)
        stop.set()
        thread.join(40.0)
    assert sorted(state for name, (state, _) in states.items() if name.startswith("pacs")) == ["delivered", "delivered"]
    assert any("no peer named gone" in error for _, error in states.values())
    assert any(state == "pending" and "does not answer" in error for state, error in states.values())

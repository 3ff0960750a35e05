"""kill -9 of a receiver at work: what was answered 0000 is there afterwards, whole, and nothing half is in sight."""

from __future__ import annotations

import hashlib
import os
import random
import signal
import time
from pathlib import Path
from threading import Thread

import pytest
from pydicom.dataset import Dataset
from pydicom.uid import ExplicitVRLittleEndian, generate_uid
from pynetdicom import build_context
from sqlalchemy import select

from node.receive.index.indexer import index_pending
from storage.base.clock import SystemClock
from storage.blobs import open_blobs
from storage.database import open_database
from storage.schema import Association, Instance
from tests.support.data import data_dir
from tests.support.dicom_builders import ct_series
from tests.support.receiver import association, held, receiver_process, send, worker_spool


def sender(port: int, dataset: Dataset, acknowledged: dict[str, str]) -> None:
    """Send copies of a data set under new UIDs until the receiver is gone; note what was answered 0000."""
    context = build_context(dataset.SOPClassUID, ExplicitVRLittleEndian)
    with association(port, [context]) as assoc:
        assoc.dimse_timeout = 5  # pynetdicom's SCU may miss an abort, and then waits for its answer
        while assoc.is_established:
            dataset.SOPInstanceUID = dataset.file_meta.MediaStorageSOPInstanceUID = generate_uid()
            try:
                status = assoc.send_c_store(dataset)
            except RuntimeError:  # no association any more
                return
            if "Status" not in status:
                assoc.abort()
            elif status.Status == 0x0000:
                acknowledged[str(dataset.SOPInstanceUID)] = str(dataset.PatientID)


@pytest.mark.parametrize("rounds", [2, pytest.param(20, marks=[pytest.mark.slow, pytest.mark.timeout(1200)])])
def test_what_was_acknowledged_survives_kill_9(tmp_path: Path, rounds: int) -> None:
    spool, log = tmp_path / "spool", tmp_path / "log"
    folders = worker_spool(spool)
    acknowledged: dict[str, str] = {}
    chance = random.Random(7)
    for _ in range(rounds):
        with receiver_process(spool, log) as (process, port):
            before = len(acknowledged)
            threads = [
                Thread(target=sender, args=(port, ct_series(1, rows=128, columns=128, PatientID=f"P{n}")[0], acknowledged))
                for n in range(3)
            ]
            for thread in threads:
                thread.start()
            deadline = time.monotonic() + 60
            while len(acknowledged) < before + 12 and time.monotonic() < deadline:
                time.sleep(0.002)
            time.sleep(chance.random() * 0.02)
            process.send_signal(signal.SIGKILL)
            for thread in threads:
                thread.join(60)
        assert len(acknowledged) >= before + 12
    with receiver_process(spool, log) as (process, port):
        assert send(port, *ct_series(1)) == [0x0000]
        process.send_signal(signal.SIGTERM)
        assert process.wait(30) == 0
    assert list(folders.part.iterdir()) == []
    found = held(folders)  # raises where a record lacks its object
    assert all(one.is_whole for one in found)
    assert {one.record.sop_instance_uid for one in found} >= set(acknowledged)
    assert {path.stem for path in folders.objects.iterdir()} == {one.name for one in found}
    assert "spool.object-missing" not in log.read_text()
    _index_and_compare(tmp_path, spool, acknowledged)


def _index_and_compare(tmp_path: Path, spool: Path, acknowledged: dict[str, str]) -> None:
    blobs = open_blobs(tmp_path / "blobs")
    db = open_database(f"sqlite:///{tmp_path / 'test.db'}", SystemClock())
    db.migrate()
    index_pending(spool, db, blobs)
    with db.read() as s:
        rows = {row.sop_instance_uid: row for row in s.scalars(select(Instance))}
        states = {row.state for row in s.scalars(select(Association))}
    db.dispose()
    assert set(rows) >= set(acknowledged)
    for uid in acknowledged:
        content = blobs.get(rows[uid].blob_key)
        assert hashlib.sha256(content[-rows[uid].size_bytes :]).hexdigest() == rows[uid].sha256
    assert "open" not in states and "lost" in states


def test_sigterm_lets_the_current_instance_end(tmp_path: Path) -> None:
    acknowledged: dict[str, str] = {}
    with receiver_process(tmp_path / "spool", tmp_path / "log") as (process, port):
        thread = Thread(target=sender, args=(port, ct_series(1, rows=256, columns=256)[0], acknowledged))
        thread.start()
        while len(acknowledged) < 5:
            time.sleep(0.005)
        process.terminate()
        assert process.wait(30) == 0
        thread.join(30)
    found = held(worker_spool(tmp_path / "spool"))
    assert {one.record.sop_instance_uid for one in found} >= set(acknowledged)
    told = (tmp_path / "log").read_text()
    assert "receiver.stopped" in told and '"end": "aborted"' in told


@pytest.mark.slow
def test_real_data_survive_kill_9_and_a_resend(tmp_path: Path) -> None:
    from pydicom import dcmread

    paths = sorted((data_dir() / "dicom/udacity__nd320-c3-3d-imaging-starter/data/TestVolumes/Study1").rglob("*.dcm"))
    datasets = [dcmread(path) for path in paths]
    spool, log = tmp_path / "spool", tmp_path / "log"
    with receiver_process(spool, log) as (process, port):
        assert set(send(port, *datasets[: len(datasets) // 2])) == {0x0000}
        os.kill(process.pid, signal.SIGKILL)
    with receiver_process(spool, log) as (process, port):
        assert set(send(port, *datasets)) == {0x0000}
    found = held(worker_spool(spool))
    assert all(one.is_whole for one in found)
    assert {one.record.sop_instance_uid for one in found} == {str(d.SOPInstanceUID) for d in datasets}

"""An orderly stop of the receiver and its next start are told to routing by the spool's records alone."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from node.receive.index.indexer import index_pending
from storage import studies
from storage.base.clock import SystemClock
from storage.blobs import open_blobs
from storage.studies import StudyQuiet
from tests.support.databases import SQLiteCopies, opened
from tests.support.dicom_builders import ct_series
from tests.support.receiver import receiver_process, send


def test_a_stop_and_a_start_of_the_pool_are_known_to_routing(tmp_path: Path) -> None:
    spool, log = tmp_path / "spool", tmp_path / "log"
    blobs = open_blobs(tmp_path / "blobs")
    with SQLiteCopies(tmp_path).fresh(tmp_path) as url, opened(url, SystemClock()) as db:

        def waiting() -> StudyQuiet:
            index_pending(spool, db, blobs)
            with db.read() as s:
                return studies.pending_studies(s)[0]

        with receiver_process(spool, log, processes=2) as (process, port):
            assert send(port, *ct_series(2)) == [0, 0]
            at_work = waiting()
            process.terminate()
            assert process.wait(30) == 0
        stopped = waiting()
        # One worker fewer: the spool of the other is settled by the next life, and counts as stopped.
        with receiver_process(spool, log, processes=1) as (process, port):
            assert send(port, *ct_series(1)) == [0]
            again = waiting()
            process.terminate()
            assert process.wait(30) == 0
        ended = waiting()
    assert [one.nobody_receives for one in (at_work, stopped, again, ended)] == [False, True, False, True]
    assert at_work.broken_off_at is None and again.broken_off_at is not None
    assert again.broken_off_at > at_work.last_arrival_at


TOLD_AT_ONCE = """
import os, pathlib, signal, sys
from node.receive.pool import master
from storage.base.clock import SystemClock
from tests.support.receiver import receiver_config

def told_to_stop(make=master.Channel):
    os.kill(os.getpid(), signal.SIGTERM)
    return make()

master.Channel = told_to_stop  # which is made between the ports and the pipe of signals
master.Master(receiver_config(pathlib.Path(sys.argv[1])), SystemClock()).run()
"""


def test_told_to_stop_as_soon_as_it_listens_it_ends_in_order(tmp_path: Path) -> None:
    command = [sys.executable, "-c", TOLD_AT_ONCE, str(tmp_path / "spool")]
    ended = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
    assert (ended.returncode, "receiver.stopped" in ended.stderr) == (0, True), ended.stderr[-2000:]

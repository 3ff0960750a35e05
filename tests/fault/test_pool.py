"""The pool of receiving processes: one that dies takes nothing of the others with it, a drain loses nothing, load spreads."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import pytest
import yaml
from sqlalchemy import select

from node.receive.index.indexer import index_pending
from storage.base.clock import SystemClock
from storage.blobs import open_blobs
from storage.database import open_database
from storage.schema import Association
from tests.support.attacker import ASSOCIATE_AC, ASSOCIATE_RJ, RawPeer, associate_rq
from tests.support.dicom_builders import ct_series
from tests.support.ports import free_port
from tests.support.receiver import held, receiver_process, send, worker_pids, worker_spool
from tests.support.vitals import family
from tests.support.wetread_node import HIPPOCAMPUS_RULE, node_settings

GOOD = "127.0.0.1"


def until(condition: Callable[[], Any], within_s: float = 20.0) -> None:
    end_s = time.monotonic() + within_s
    while not condition():
        assert time.monotonic() < end_s
        time.sleep(0.02)


def log_lines(log: Path, event: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in log.read_text().splitlines() if f'"event": "{event}"' in line]


def running(pid: int) -> bool:
    """Whether a process is there and no zombie."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] not in "ZX"
    except (FileNotFoundError, ProcessLookupError):
        return False


@contextmanager
def associations(port: int, count: int) -> Iterator[list[RawPeer]]:
    with ExitStack() as stack:
        peers = [stack.enter_context(RawPeer(port, GOOD)) for _ in range(count)]
        for peer in peers:
            assert peer.negotiate() == ASSOCIATE_AC
        yield peers


def test_a_killed_worker_is_replaced_and_the_others_go_on(tmp_path: Path) -> None:
    spool, log = tmp_path / "spool", tmp_path / "log"
    with receiver_process(spool, log, processes=2) as (_, port):
        until(lambda: len(log_lines(log, "worker.ready")) == 2)
        with associations(port, 4) as peers:
            first = worker_pids(log)
            os.kill(first[0], signal.SIGKILL)
            until(lambda: log_lines(log, "worker.died"))
            served = [peer for peer in peers if peer.echo() == 0]
            assert 0 < len(served) < 4  # those of the other worker, however the four had come to the two
            until(lambda: len(log_lines(log, "worker.ready")) == 3)
            with associations(port, 2):
                assert all(peer.echo() == 0 for peer in served)
        second = worker_pids(log)
        assert second[0] != first[0] and second[1] == first[1]
        (died,) = log_lines(log, "worker.died")
        assert (died["worker"], died["exit_status"]) == (0, -signal.SIGKILL) and died["restart_in_s"] <= 0.05
        assert send(port, *ct_series(3)) == [0, 0, 0]


def test_what_a_killed_worker_had_acknowledged_is_there(tmp_path: Path) -> None:
    spool, log = tmp_path / "spool", tmp_path / "log"
    series = ct_series(6, rows=64, columns=64)
    with receiver_process(spool, log, processes=2) as (process, port):
        for dataset in series:
            until(lambda: len(log_lines(log, "worker.ready")) - len(log_lines(log, "worker.died")) == 2)
            assert send(port, dataset) == [0]
            dead = len(log_lines(log, "worker.died"))
            os.kill(worker_pids(log)[dead % 2], signal.SIGKILL)
            while len(log_lines(log, "worker.died")) == dead:
                time.sleep(0.02)
        process.terminate()
        assert process.wait(30) == 0
    found = [one for worker in range(2) for one in held(worker_spool(spool, worker))]
    assert {one.record.sop_instance_uid for one in found} == {str(dataset.SOPInstanceUID) for dataset in series}
    assert all(one.is_whole for one in found)


def test_long_associations_spread_over_the_workers(tmp_path: Path) -> None:
    log = tmp_path / "log"
    with receiver_process(tmp_path / "spool", log, processes=3) as (_, port):
        until(lambda: len(log_lines(log, "worker.ready")) == 3)
        with associations(port, 6):
            workers = [line["worker"] for line in log_lines(log, "association.accepted")]
    # Two each; on a busy machine the least loaded one may come too late once.
    assert sorted(map(workers.count, range(3))) in ([2, 2, 2], [1, 2, 3])


def test_quotas_hold_over_all_workers(tmp_path: Path) -> None:
    log = tmp_path / "log"
    with receiver_process(tmp_path / "spool", log, processes=3, max_associations=4, max_per_host=3) as (_, port):
        until(lambda: len(log_lines(log, "worker.ready")) == 3)
        with associations(port, 3) as peers:
            with RawPeer(port, GOOD) as fourth:
                assert fourth.negotiate() == ASSOCIATE_RJ
            with RawPeer(port, "127.0.0.2") as other, RawPeer(port, "127.0.0.3") as late:
                assert other.negotiate() == ASSOCIATE_AC
                late.send(associate_rq())
                answer = late.read_pdu()
                assert answer is not None and answer[0] == ASSOCIATE_RJ and answer[1][1:4] == bytes((2, 3, 2))
            assert peers[0].release()
            until(lambda: _is_admitted(port))


def _is_admitted(port: int, stack: ExitStack | None = None) -> bool:
    """Whether an association comes about; with a stack it stays."""
    peer = RawPeer(port, GOOD)
    admitted = peer.negotiate() == ASSOCIATE_AC
    if admitted and stack is not None:
        stack.enter_context(peer)
    else:
        peer.close()
    return admitted


def test_the_places_of_a_killed_worker_are_free_again(tmp_path: Path) -> None:
    log = tmp_path / "log"
    with receiver_process(tmp_path / "spool", log, processes=1, max_associations=2) as (_, port):
        for _ in range(3):
            with ExitStack() as stack:
                until(lambda stack=stack: _is_admitted(port, stack))  # type: ignore[misc]
                until(lambda stack=stack: _is_admitted(port, stack))  # type: ignore[misc]
                assert not _is_admitted(port)
                os.kill(worker_pids(log)[0], signal.SIGKILL)
                until(lambda: _is_admitted(port))


def test_workers_end_with_a_killed_master_and_a_next_life_takes_the_port(tmp_path: Path) -> None:
    spool, log, port = tmp_path / "spool", tmp_path / "log", free_port()
    for _ in range(2):
        with receiver_process(spool, log, processes=2, port=port) as (process, _):
            workers = family(process.pid)[1:]
            assert len(workers) == 2
            assert send(port, *ct_series(1)) == [0]
            process.kill()
            process.wait(10)
            until(lambda pids=workers: not any(running(pid) for pid in pids), 5.0)  # type: ignore[misc]


def test_a_second_sigterm_ends_what_the_first_one_waits_for(tmp_path: Path) -> None:
    log = tmp_path / "log"
    with receiver_process(tmp_path / "spool", log, processes=1) as (process, _):
        os.kill(worker_pids(log)[0], signal.SIGSTOP)  # it can't end by itself
        process.terminate()
        time.sleep(0.3)
        assert process.poll() is None
        process.terminate()
        assert process.wait(10) == 0
    assert log_lines(log, "worker.killed")


def test_a_drain_ends_associations_and_refuses_new_connections(tmp_path: Path) -> None:
    spool, log = tmp_path / "spool", tmp_path / "log"
    with receiver_process(spool, log, processes=2) as (process, port), associations(port, 3) as peers:
        process.terminate()
        assert all(peer.read_pdu() is None or peer.read_pdu() is None for peer in peers)  # an abort, then the end
        assert process.wait(10) == 0
        with pytest.raises(ConnectionRefusedError):
            RawPeer(port, GOOD)
    assert not log_lines(log, "worker.killed") and len(log_lines(log, "worker.stopped")) == 2


def test_spools_of_former_workers_are_settled_and_indexed(tmp_path: Path) -> None:
    spool, log = tmp_path / "spool", tmp_path / "log"
    series = ct_series(3, rows=32, columns=32)
    with receiver_process(spool, log, processes=3) as (process, port):
        until(lambda: len(log_lines(log, "worker.ready")) == 3)
        with associations(port, 2):  # keep two busy, so that each data set goes to another worker
            assert send(port, series[0]) == [0]
        assert send(port, *series[1:]) == [0, 0]
        process.kill()
    (worker_spool(spool, 2).part / "left").write_bytes(b"half")
    with receiver_process(spool, log, processes=1) as (process, port):
        process.terminate()
        assert process.wait(30) == 0
    assert not list(worker_spool(spool, 2).part.iterdir())
    assert {line["spool"] for line in log_lines(log, "spool.settled")} == {"receiver-1", "receiver-2"}
    db = open_database(f"sqlite:///{tmp_path / 'test.db'}", SystemClock())
    db.migrate()
    index_pending(spool, db, open_blobs(tmp_path / "blobs"))
    with db.read() as session:
        states = [row.state for row in session.scalars(select(Association))]
    db.dispose()
    assert states and "open" not in states


def test_a_spool_that_cannot_be_used_is_one_line_at_the_start(tmp_path: Path) -> None:
    blocked = tmp_path / "spool"
    blocked.write_text("no folder")
    log = tmp_path / "log"
    with pytest.raises(ValueError), receiver_process(blocked, log) as _:
        pass
    assert "store.spool" in log.read_text()


def _node(folder: Path, port: int, **changes: Any) -> Path:
    settings = node_settings(folder, port, None, [{**HIPPOCAMPUS_RULE, "deliver_to": []}])
    settings["receive"] = {"processes": 2}
    settings["node"].update(changes)
    config = folder / "wetread.yaml"
    config.write_text(yaml.safe_dump(settings))
    return config


def test_the_role_by_itself_is_lean_and_takes_settings_anew(tmp_path: Path) -> None:
    """`wetread serve --role receiver`, which nothing of torch, numpy or SQLAlchemy is loaded into."""
    port, log = free_port(), tmp_path / "log"
    config = _node(tmp_path, port)
    command = [sys.executable, "-m", "node.cli", "serve", "--role", "receiver", "--config", str(config)]
    with log.open("wb") as stderr, subprocess.Popen(command, stderr=stderr, stdin=subprocess.DEVNULL) as process:
        try:
            until(lambda: len(log_lines(log, "worker.ready")) == 2, 60.0)
            for pid in family(process.pid):
                maps = Path(f"/proc/{pid}/maps").read_text()
                assert not [name for name in ("numpy", "torch", "sqlalchemy", "openblas") if name in maps]
            assert send(port, *ct_series(1)) == [0]
            _node(tmp_path, port, calling=["OTHER"])
            process.send_signal(signal.SIGHUP)
            until(lambda: len(log_lines(log, "settings.taken")) == 2)
            with RawPeer(port, GOOD) as peer:
                assert peer.negotiate() == ASSOCIATE_RJ
            config.write_text("node: {port: many}")
            process.send_signal(signal.SIGHUP)
            until(lambda: log_lines(log, "settings.not-taken"))
            assert "node.port" in log_lines(log, "settings.not-taken")[0]["problem"]
            process.terminate()
            assert process.wait(20) == 0
        finally:
            process.kill()


def test_what_a_request_holds_is_not_commented_on(tmp_path: Path) -> None:
    """UIDs that are none, each another: pydicom would tell of every one, and remember it as told."""
    log = tmp_path / "log"
    with receiver_process(tmp_path / "spool", log, processes=1) as (_, port):
        for number in range(3):
            with socket.create_connection((GOOD, port), timeout=10) as peer:
                peer.sendall(associate_rq([(2 * n + 1, f"1.2.0{number}.x{n}", (f"1.2.0{number}.y{n}",)) for n in range(100)]))
                assert peer.recv(1) == b"\2"
        assert "library." not in log.read_text()

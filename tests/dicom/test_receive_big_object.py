"""An object of any size goes through the receiver without being held in memory."""

from __future__ import annotations

import hashlib
import struct
from pathlib import Path

import pytest

from node.receive.spool.records import InstanceReceived
from tests.support.attacker import COMMAND, LAST, RawPeer, p_data, store_rq
from tests.support.ports import LOOPBACK
from tests.support.receiver import receiver_process, worker_pids, worker_spool
from tests.unit.node.receive.encoding import encoded, identified
from tests.unit.node.receive.samples import waiting

MIB = 2**20
PIECE = bytes(range(256)) * 512
MOST_RESIDENT_BYTES = 100_000_000


def resident_peak_bytes(pid: int) -> int:
    """The most that a process has had in memory."""
    status = Path(f"/proc/{pid}/status").read_text()
    return int(status.split("VmHWM:")[1].split()[0]) * 1024


@pytest.mark.parametrize("pieces", [800, pytest.param(16_376, marks=pytest.mark.slow)], ids=["100 MiB", "2 GiB"])
@pytest.mark.timeout(600)
def test_a_big_object_is_not_held_in_memory(tmp_path: Path, pieces: int) -> None:
    head = encoded(identified()) + struct.pack("<HH2sHI", 0x7FE0, 0x0010, b"OW", 0, pieces * len(PIECE))
    with receiver_process(tmp_path / "spool", tmp_path / "log") as (_, port):
        with RawPeer(port, LOOPBACK, timeout_s=300.0) as peer:
            peer.negotiate()
            peer.send(p_data(3, COMMAND | LAST, store_rq("1.2.3.4")), p_data(3, 0, head))
            for _ in range(pieces):
                peer.send(p_data(3, 0, PIECE))
            peer.send(p_data(3, LAST, b""))
            assert peer.read_status() == 0x0000
            assert peer.release()
        peak = resident_peak_bytes(worker_pids(tmp_path / "log")[0])
    assert peak < MOST_RESIDENT_BYTES
    spool = worker_spool(tmp_path / "spool")
    (record,) = [line.record for line in waiting(spool) if isinstance(line.record, InstanceReceived)]
    digest = hashlib.sha256(head)
    for _ in range(pieces):
        digest.update(PIECE)
    assert (record.sha256, record.size_bytes) == (digest.hexdigest(), len(head) + pieces * len(PIECE))
    (kept,) = spool.objects.iterdir()
    assert kept.stat().st_size == record.data_offset + record.size_bytes

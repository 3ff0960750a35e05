"""Our C-STORE and C-ECHO SCU against DCMTK's storescp and Orthanc."""

from __future__ import annotations

from io import BytesIO
from pathlib import Path

import pytest
from pydicom import dcmread

from node.commands.peers import outbound_files
from node.deliver import scu
from node.settings import Peer
from storage.base.errors import TransientError
from tests.support import peers
from tests.support.dicom_builders import ct_series, write
from tests.support.ports import LOOPBACK, free_port


def _peer(running: peers.Peer, **changed: object) -> Peer:
    fields = {"name": "pacs", "ae_title": running.ae_title, "host": LOOPBACK, "port": running.port, "timeout_s": 10.0}
    return Peer.model_validate({**fields, **changed})


@pytest.fixture
def series(tmp_path: Path) -> Path:
    write(ct_series(4, 16, 20, (2.0, 1.0, 0.7)), tmp_path / "series")
    return tmp_path / "series"


def _data_set_bytes(file: bytes) -> bytes:
    """What follows the file meta group."""
    stream = BytesIO(file)
    dcmread(stream, stop_before_pixels=True, specific_tags=[])
    length = int.from_bytes(file[140:144], "little")
    return file[144 + length :]


def test_a_receiver_gets_the_bytes_that_we_hold(tmp_path: Path, series: Path) -> None:
    with peers.storescp(tmp_path / "scp", "+B") as running:
        answers = list(scu.send(_peer(running), "WETREAD", outbound_files([series])))
        assert [a.status for a in answers] == [0, 0, 0, 0]
        sent = sorted(_data_set_bytes(p.read_bytes()) for p in series.iterdir())
        kept = sorted(_data_set_bytes(p.read_bytes()) for p in running.stored.iterdir())
    assert kept == sent


def test_orthanc_holds_an_object_once_though_it_comes_twice(orthanc: peers.OrthancPeer, series: Path) -> None:
    for _ in range(2):
        assert {a.status for a in scu.send(_peer(orthanc), "WETREAD", outbound_files([series]))} == {0}
    assert len(orthanc.get("/instances")) == 4


def test_echo(orthanc: peers.OrthancPeer) -> None:
    scu.echo(_peer(orthanc), "WETREAD")


def test_a_wrong_called_ae_title_is_said_with_the_mend(orthanc: peers.OrthancPeer) -> None:
    with pytest.raises(TransientError, match=r"(rejected the association|cut the connection).* both AE titles there"):
        scu.echo(_peer(orthanc, ae_title="SOMEBODY"), "WETREAD")


def test_an_absent_peer_is_said_with_host_and_port() -> None:
    port = free_port()
    peer = Peer(name="gone", ae_title="GONE", host=LOOPBACK, port=port, timeout_s=2.0)
    with pytest.raises(TransientError, match=rf"gone .*{port}.* does not answer"):
        scu.echo(peer, "WETREAD")


def test_more_contexts_than_one_association_may_propose_are_split() -> None:
    """PS3.8 9.3.2.2: presentation context identifiers are the odd numbers up to 255, so 128 of them."""
    objects = [scu.Outbound(i, f"1.2.3.{i}", "1.2.840.10008.1.2.1", 1, bytes) for i in range(300)]
    assert [len(part) for part in scu._split(objects)] == [128, 128, 44]

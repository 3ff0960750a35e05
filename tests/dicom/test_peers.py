"""The peers that other tests lean on do what those tests take for granted."""

from __future__ import annotations

from pathlib import Path

import pytest
from pydicom.data import get_testdata_file

from tests.support.peers import OrthancPeer, Peer, orthanc, run_tool
from tests.support.ports import free_port

CT = Path(str(get_testdata_file("CT_small.dcm")))
STUDY = "1.3.6.1.4.1.5962.1.2.1.20040119072730.12322"


def _send(peer: Peer) -> None:
    done = run_tool("storescu", "-aec", peer.ae_title, peer.host, str(peer.port), CT)
    assert done.returncode == 0, done.stderr


def test_orthanc_stores_finds_and_keeps_over_a_restart(orthanc: OrthancPeer) -> None:
    _send(orthanc)
    assert len(orthanc.find("Series", StudyInstanceUID=STUDY, Modality="CT")) == 1
    orthanc.stop()
    orthanc.start()
    (file,) = orthanc.files(StudyInstanceUID=STUDY)
    assert file[128:132] == b"DICM"


def test_orthanc_moves_to_its_clients(tmp_path: Path, storescp: Peer) -> None:
    with orthanc(tmp_path / "orthanc", {"STORESCP": storescp.port}) as archive:
        _send(archive)
        key = f"StudyInstanceUID={STUDY}"
        call = ["-aec", "ORTHANC", "-aem", "STORESCP", "-S", "-k", "QueryRetrieveLevel=STUDY", "-k", key]
        done = run_tool("movescu", *call, archive.host, str(archive.port))
        assert done.returncode == 0, done.stderr
        assert len(list(storescp.stored.iterdir())) == 1


def test_dcmqrscp_stores_and_finds(dcmqrscp: Peer) -> None:
    _send(dcmqrscp)
    query = ["-S", "-k", "QueryRetrieveLevel=STUDY", "-k", f"StudyInstanceUID={STUDY}", "-k", "PatientID"]
    found = run_tool("findscu", "-v", "-aec", dcmqrscp.ae_title, *query, dcmqrscp.host, str(dcmqrscp.port))
    assert "Pending" in found.stdout + found.stderr


def test_a_peer_that_does_not_come_up_shows_its_log(tmp_path: Path) -> None:
    peer = Peer("NONE", free_port(), tmp_path, ["sh", "-c", "echo no such thing; exec sleep 60"], patience_s=0.3)
    with pytest.raises(RuntimeError, match="no such thing"):
        peer.start()
    assert peer.process is None

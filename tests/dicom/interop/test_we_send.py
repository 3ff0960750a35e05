"""We send to DCMTK, Orthanc and stock pynetdicom, plain and over TLS, and say what is wrong where TLS fails."""

from __future__ import annotations

import ssl
from collections.abc import Callable
from pathlib import Path

import pytest
from pydicom import dcmread

from node.commands.peers import outbound_files
from node.deliver import scu
from node.deliver.status import Verdict
from node.settings import Peer, PeerTls
from node.tls import server_context
from storage.base.errors import TransientError
from tests.support import peers
from tests.support.interop import (
    ORTHANC,
    SLICES,
    WETREAD,
    Certificates,
    Transport,
    both_transports,
    dcmtk_tls,
    same,
    scp_of_pynetdicom,
)
from tests.support.ports import LOOPBACK

pytestmark = pytest.mark.peers


def to_peer(name: str, port: int, transport: Transport, certificates: Certificates, **changed: object) -> Peer:
    ours = certificates.ours
    tls = PeerTls(ca=ours.authority, certificate=ours.certificate, key=ours.key)
    peer = Peer(name="pacs", ae_title=name, host=LOOPBACK, port=port, timeout_s=10.0, tls=tls if transport == "tls" else None)
    return peer.model_copy(update=changed)


def send(peer: Peer, series: Path) -> None:
    scu.echo(peer, WETREAD)
    assert [sent.verdict for sent in scu.send(peer, WETREAD, outbound_files([series]))] == [Verdict.STORED] * SLICES


@both_transports
def test_we_send_to_dcmtk(tmp_path: Path, certificates: Certificates, series: Path, transport: Transport) -> None:
    with peers.storescp(tmp_path / "scp", "+B", *map(str, dcmtk_tls(transport, certificates.theirs))) as running:
        send(to_peer("STORESCP", running.port, transport, certificates), series)
        assert same([dcmread(path) for path in running.stored.iterdir()], series)


def test_we_send_to_orthanc(an_orthanc: tuple[Transport, peers.OrthancPeer], certificates: Certificates, series: Path) -> None:
    transport, orthanc = an_orthanc
    send(to_peer(ORTHANC, orthanc.port, transport, certificates), series)
    uid = str(dcmread(next(series.iterdir())).SeriesInstanceUID)
    assert len(orthanc.find("Instance", SeriesInstanceUID=uid)) == SLICES


@both_transports
def test_we_send_to_pynetdicom(tmp_path: Path, certificates: Certificates, series: Path, transport: Transport) -> None:
    context = server_context(certificates.theirs.files(), ssl.CERT_REQUIRED) if transport == "tls" else None
    with scp_of_pynetdicom(tmp_path / "scp", context) as port:
        send(to_peer("STOCK", port, transport, certificates), series)
    assert same([dcmread(path) for path in (tmp_path / "scp").iterdir()], series)


Change = Callable[[Peer, Certificates], Peer]


def _tls(**changed: object) -> Change:
    def change(peer: Peer, certificates: Certificates) -> Peer:
        assert peer.tls is not None
        return peer.model_copy(update={"tls": peer.tls.model_copy(update=changed)})

    return change


def _strange(peer: Peer, certificates: Certificates) -> Peer:
    own = certificates.strange
    return _tls(certificate=own.certificate, key=own.key)(peer, certificates)


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (_tls(server_name="pacs.hospital"), "doesn't name pacs.hospital; set tls.server_name"),
        (lambda peer, certificates: _tls(ca=certificates.ours.certificate)(peer, certificates), "isn't of our authorities"),
        (_strange, "(cut the connection|handshake failed).*certificate"),
        (_tls(certificate=None, key=None), "(cut the connection|handshake failed).*certificate"),
        (_tls(key=Path("gone.key")), "tls.key: gone.key can't be read"),
        (lambda peer, certificates: peer.model_copy(update={"tls": None}), "cut the connection"),
    ],
    ids=["another host", "another authority", "strange certificate", "no certificate", "no key", "plain"],
)
def test_what_is_wrong_with_tls_is_said_with_the_mend(
    tmp_path: Path, certificates: Certificates, change: Change, reason: str
) -> None:
    with scp_of_pynetdicom(tmp_path / "scp", server_context(certificates.theirs.files(), ssl.CERT_REQUIRED)) as port:
        peer = change(to_peer("STOCK", port, "tls", certificates, timeout_s=3.0), certificates)
        with pytest.raises(TransientError, match=reason):
            scu.echo(peer, WETREAD)


def test_a_peer_may_be_known_by_another_name_or_by_none(tmp_path: Path, certificates: Certificates) -> None:
    with scp_of_pynetdicom(tmp_path / "scp", server_context(certificates.theirs.files(), ssl.CERT_REQUIRED)) as port:
        for change in (_tls(server_name="localhost"), _tls(server_name="pacs.hospital", verify_host=False)):
            scu.echo(change(to_peer("STOCK", port, "tls", certificates), certificates), WETREAD)

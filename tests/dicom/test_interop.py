"""Wetread with DCMTK, Orthanc and stock pynetdicom as both peers, plain and over TLS with certificates on both sides."""

from __future__ import annotations

import json
import ssl
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from ipaddress import ip_network
from pathlib import Path
from typing import Any, Literal, get_args

import pytest
from pydicom import dcmread
from pydicom.dataset import Dataset
from pydicom.uid import generate_uid
from pynetdicom import AE, AllStoragePresentationContexts, build_context, evt
from pynetdicom.association import Association
from pynetdicom.pdu_primitives import UserIdentityNegotiation

from node.commands.peers import outbound_files
from node.deliver import scu
from node.deliver.status import Verdict
from node.receive.associate.admission import Admission, Grant, Source
from node.receive.associate.certificates import certificate_name
from node.receive.associate.user_identity import Users, hash_passcode
from node.receive.listen.tls import TlsListen
from node.receive.pool.config import PathName
from node.settings import Peer, PeerTls
from node.tls import client_context, server_context
from storage.base.errors import TransientError
from tests.support import peers
from tests.support.certificates import Authority, Pair, authority
from tests.support.dicom_builders import ct_series, write
from tests.support.ports import LOOPBACK, free_port
from tests.support.receiver import RunningReceiver, held, receiver_config, running_receiver
from tests.support.wetread_node import wetread

Transport = Literal["plain", "tls"]
SCANNER, WETREAD, ORTHANC, BOUND, USER = "SCANNER", "WETREAD", "ORTHANC", "BOUND", "USER"
CT = "1.2.840.10008.5.1.4.1.1.2"
SLICES = 3

pytestmark = pytest.mark.peers
both_transports = pytest.mark.parametrize("transport", get_args(Transport))


@dataclass(frozen=True)
class Certificates:
    """Ours, a peer's, and one of the same authority that is another's."""

    ours: Pair
    theirs: Pair
    another: Pair
    strange: Pair


@dataclass(frozen=True)
class Node:
    """A receiver with a plain and a TLS port."""

    receiver: RunningReceiver
    tls_port: int
    path: PathName

    def port(self, transport: Transport) -> int:
        return self.receiver.port if transport == "plain" else self.tls_port

    def stored(self, series: Path) -> list[Dataset]:
        """What it holds of the series in a folder."""
        uids = {str(dcmread(path).SOPInstanceUID) for path in series.iterdir()}
        found = [one for one in held(self.receiver.folders) if one.record.sop_instance_uid in uids]
        assert all(one.is_whole for one in found)
        return [dcmread(self.receiver.folders.object_of(one.name)) for one in found]


@pytest.fixture(scope="module")
def certificates(tmp_path_factory: pytest.TempPathFactory) -> Certificates:
    ours: Authority = authority(tmp_path_factory.mktemp("authority"))
    strange = authority(tmp_path_factory.mktemp("strange"), "strange").pair("PEER")
    return Certificates(ours.pair("WETREAD"), ours.pair("PEER"), ours.pair("OTHER"), replace(strange, authority=ours.certificate))


def _admission() -> Admission:
    bound = Source(Grant("bound"), calling=frozenset({BOUND}), certificates=(certificate_name("cn:PEER"),))
    user = Source(Grant("user"), calling=frozenset({USER}), users=Users({"ct": hash_passcode(b"geheim")}))
    local = (ip_network("127.0.0.0/8"),)
    return Admission(WETREAD, frozenset({SCANNER, ORTHANC}), sources=(bound, replace(user, networks=local)))


@pytest.fixture(scope="module", params=get_args(PathName))
def node(request: pytest.FixtureRequest, certificates: Certificates, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Node]:
    spool = tmp_path_factory.mktemp("spool")
    listen = TlsListen(LOOPBACK, free_port(), certificates.ours.files())
    config = replace(receiver_config(spool), admission=_admission(), path=request.param, tls=listen)
    with running_receiver(spool, config) as running:
        yield Node(running, listen.port, request.param)


@pytest.fixture
def series(tmp_path: Path) -> Path:
    """A folder of a new series."""
    write(ct_series(SLICES, PatientName="Interop^Test"), tmp_path / "series")
    return tmp_path / "series"


def same(found: list[Dataset], series: Path) -> bool:
    """Whether data sets are those of a folder, element by element."""
    sent = {str(one.SOPInstanceUID): one for one in map(dcmread, series.iterdir())}
    return len(found) == SLICES and all(one == sent[str(one.SOPInstanceUID)] for one in found)


# -------------------------------------------------------------------------------------------------------- they send to us


def dcmtk_tls(transport: Transport, pair: Pair) -> list[str | Path]:
    return [] if transport == "plain" else ["+tls", pair.key, pair.certificate, "+cf", pair.authority]


@both_transports
def test_dcmtk_sends(node: Node, certificates: Certificates, series: Path, transport: Transport) -> None:
    to = ("-aet", SCANNER, "-aec", WETREAD, LOOPBACK, str(node.port(transport)))
    tls = dcmtk_tls(transport, certificates.theirs)
    assert peers.run_tool("echoscu", *tls, *to).returncode == 0
    sent = peers.run_tool("storescu", *tls, "+sd", *to, series)
    assert sent.returncode == 0, sent.stderr
    assert same(node.stored(series), series)


@pytest.mark.parametrize("profile", ["+py", "+px", "+pz"])
def test_every_profile_of_bcp_195_that_dcmtk_has_is_spoken(node: Node, certificates: Certificates, profile: str) -> None:
    done = peers.run_tool(
        "echoscu", *dcmtk_tls("tls", certificates.theirs), profile, "-aet", SCANNER, "-aec", WETREAD, LOOPBACK, str(node.tls_port)
    )
    assert done.returncode == 0, done.stderr


@contextmanager
def running_orthanc(
    folder: Path, transport: Transport, certificates: Certificates, modalities: dict[str, Any]
) -> Iterator[peers.OrthancPeer]:
    """Orthanc, which shows and asks for certificates where its transport is TLS."""
    theirs = certificates.theirs
    tls: dict[str, Any] = {
        "DicomTlsEnabled": transport == "tls",
        "DicomTlsCertificate": str(theirs.certificate),
        "DicomTlsPrivateKey": str(theirs.key),
        "DicomTlsTrustedCertificates": str(theirs.authority),
        "DicomTlsRemoteCertificateRequired": True,
    }
    with peers.orthanc(folder, DicomModalities=modalities, **tls) as running:
        yield running


@pytest.fixture(scope="module", params=get_args(Transport))
def an_orthanc(
    request: pytest.FixtureRequest, certificates: Certificates, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[tuple[Transport, peers.OrthancPeer]]:
    with running_orthanc(tmp_path_factory.mktemp("orthanc"), request.param, certificates, {}) as running:
        yield request.param, running


def test_orthanc_sends(node: Node, an_orthanc: tuple[Transport, peers.OrthancPeer], series: Path) -> None:
    """It sends the way it listens: certificates and key are those of its own port."""
    transport, orthanc = an_orthanc
    ours = {"AET": WETREAD, "Host": LOOPBACK, "Port": node.port(transport), "UseDicomTls": transport == "tls"}
    orthanc.request("PUT", "/modalities/wetread", json.dumps(ours).encode())
    held_there = [json.loads(orthanc.request("POST", "/instances", path.read_bytes()))["ID"] for path in series.iterdir()]
    orthanc.post("/modalities/wetread/echo", {})
    sent = orthanc.post("/modalities/wetread/store", {"Resources": held_there, "Synchronous": True})
    assert sent["FailedInstancesCount"] == 0
    assert same(node.stored(series), series)


@contextmanager
def scu_of_pynetdicom(
    port: int, context: ssl.SSLContext | None = None, calling: str = SCANNER, user: UserIdentityNegotiation | None = None
) -> Iterator[Association]:
    contexts = [build_context(CT), build_context("1.2.840.10008.1.1")]
    tls = None if context is None else (context, "localhost")
    assoc = AE(calling).associate(
        LOOPBACK, port, contexts=contexts, ae_title=WETREAD, tls_args=tls, ext_neg=[] if user is None else [user]
    )
    connection = assoc.dul.socket.socket if assoc.dul.socket else None
    try:
        yield assoc
    finally:
        if assoc.is_established:
            assoc.release()
        if connection is not None:
            connection.close()


def client(pair: Pair, version: ssl.TLSVersion = ssl.TLSVersion.TLSv1_3) -> ssl.SSLContext:
    made = client_context(pair.files(), verify_host=True)
    made.minimum_version = made.maximum_version = version
    return made


@pytest.mark.parametrize("version", [None, ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3], ids=["plain", "TLS 1.2", "TLS 1.3"])
def test_pynetdicom_sends(node: Node, certificates: Certificates, series: Path, version: ssl.TLSVersion | None) -> None:
    context = None if version is None else client(certificates.theirs, version)
    with scu_of_pynetdicom(node.port("tls" if version else "plain"), context) as assoc:
        assert assoc.is_established
        assert assoc.send_c_echo().Status == 0
        assert [assoc.send_c_store(dcmread(path)).Status for path in series.iterdir()] == [0] * SLICES
    assert same(node.stored(series), series)


# ------------------------------------------------------------------------------------------------- who is who, over the wire


@pytest.mark.parametrize(
    ("shown", "reason"),
    [("theirs", None), ("another", "Calling AE Title Not Recognized"), (None, "Calling AE Title Not Recognized")],
    ids=["its own", "another's", "plain"],
)
def test_a_title_bound_to_a_certificate(node: Node, certificates: Certificates, shown: str | None, reason: str | None) -> None:
    transport: Transport = "plain" if shown is None else "tls"
    tls = dcmtk_tls(transport, getattr(certificates, shown or "theirs"))
    done = peers.run_tool("echoscu", *tls, "-aet", BOUND, "-aec", WETREAD, LOOPBACK, str(node.port(transport)))
    assert (done.returncode == 0) is (reason is None)
    assert reason is None or reason in done.stdout + done.stderr


def test_a_certificate_of_another_authority_gets_no_association(node: Node, certificates: Certificates) -> None:
    to = ("-aet", SCANNER, "-aec", WETREAD, LOOPBACK, str(node.tls_port))
    assert peers.run_tool("echoscu", *dcmtk_tls("tls", certificates.strange), *to).returncode != 0
    with scu_of_pynetdicom(node.tls_port, client(certificates.strange)) as assoc:
        assert not assoc.is_established


@both_transports
def test_the_wrong_transport_for_a_port_fails_alone(node: Node, certificates: Certificates, transport: Transport) -> None:
    if transport == "tls" and node.path == "stock":
        pytest.skip("stock pynetdicom holds a connection that began with rubbish for its whole timeout, which the end waits for")
    to = ("-to", "5", "-ta", "5", "-aet", SCANNER, "-aec", WETREAD, LOOPBACK)
    other: Transport = "plain" if transport == "tls" else "tls"
    assert peers.run_tool("echoscu", *dcmtk_tls(transport, certificates.theirs), *to, str(node.port(other))).returncode != 0
    assert peers.run_tool("echoscu", *dcmtk_tls(other, certificates.theirs), *to, str(node.port(other))).returncode == 0


@pytest.mark.parametrize(
    ("user", "admitted"),
    [
        (("-usr", "ct", "-pwd", "geheim"), True),
        (("-usr", "ct", "-pwd", "geheim", "-rsp"), True),
        (("-usr", "ct", "-pwd", "wrong"), False),
        (("-usr", "mr", "-pwd", "geheim"), False),
        (("-usr", "ct"), False),
        ((), False),
    ],
    ids=["right", "right, asks for an answer", "wrong passcode", "wrong name", "no passcode", "none"],
)
def test_dcmtk_says_who_its_user_is(node: Node, series: Path, user: tuple[str, ...], admitted: bool) -> None:
    sent = peers.run_tool("storescu", *user, "+sd", "-aet", USER, "-aec", WETREAD, LOOPBACK, str(node.receiver.port), series)
    assert (sent.returncode == 0) is admitted, sent.stderr
    assert bool(node.stored(series)) is admitted


def _identity(kind: int, primary: bytes, secondary: bytes = b"") -> UserIdentityNegotiation:
    item = UserIdentityNegotiation()
    item.user_identity_type, item.primary_field, item.secondary_field = kind, primary, secondary
    item.positive_response_requested = True
    return item


@pytest.mark.parametrize(
    ("item", "calling", "answered"),
    [
        (_identity(2, b"ct", b"geheim"), USER, True),
        (_identity(3, b"ticket"), USER, None),
        (_identity(5, b"e30.e30.x"), USER, None),
        (_identity(3, b"ticket"), SCANNER, False),
        (_identity(2, b"ct", b"wrong"), SCANNER, False),
    ],
    ids=["right", "Kerberos", "JWT", "Kerberos where none is asked for", "wrong where none is asked for"],
)
def test_pynetdicom_is_told_whether_its_user_was_verified(
    node: Node, item: UserIdentityNegotiation, calling: str, answered: bool | None
) -> None:
    """PS3.7 D.3.3.7: no answer where the identity was not verified; None: rejected."""
    with scu_of_pynetdicom(node.receiver.port, calling=calling, user=item) as assoc:
        assert assoc.is_established is (answered is not None)
        told = assoc.acceptor.user_identity if assoc.is_established else None
        assert bool(told is not None and told.server_response == b"") is bool(answered)


# ------------------------------------------------------------------------------------------------------------ we send to them


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


@contextmanager
def scp_of_pynetdicom(folder: Path, context: ssl.SSLContext | None) -> Iterator[int]:
    """A stock storage SCP; it writes each data set as it came."""
    folder.mkdir()

    def on_store(event: evt.Event) -> int:
        (folder / f"{generate_uid()}.dcm").write_bytes(event.encoded_dataset())
        return 0

    ae = AE("STOCK")
    ae.supported_contexts = AllStoragePresentationContexts
    ae.add_supported_context("1.2.840.10008.1.1")
    server = ae.start_server((LOOPBACK, 0), block=False, evt_handlers=[(evt.EVT_C_STORE, on_store)], ssl_context=context)
    assert server is not None
    try:
        yield server.server_address[1]
    finally:
        server.shutdown()


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


def test_the_command_line_speaks_tls_to_another_wetread(
    node: Node, certificates: Certificates, tmp_path: Path, series: Path
) -> None:
    theirs = certificates.theirs
    settings = {
        "node": {"ae_title": SCANNER},
        "tls": {"port": None, "certificate": str(theirs.certificate), "key": str(theirs.key), "ca": str(theirs.authority)},
        "peers": [{"name": "far", "ae_title": WETREAD, "host": LOOPBACK, "port": node.tls_port, "tls": True}],
    }
    (tmp_path / "w.yaml").write_text(json.dumps(settings))
    done = wetread("send", "far", series, "--config", tmp_path / "w.yaml")
    assert (done.returncode, done.stdout) == (0, "3 of 3 instances stored at far\n"), done.stderr
    assert same(node.stored(series), series)

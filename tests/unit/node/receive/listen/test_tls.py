"""TLS of the listening side: who gets a connection, by what versions and suites, and how changed files are followed."""

from __future__ import annotations

import shutil
import socket
import ssl
import subprocess
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from threading import Thread

import pytest

from node.receive.associate.certificates import Certificate
from node.receive.listen import tls
from node.receive.listen.tls import Clients, ServerTls, TlsListen
from node.tls import TlsFiles, client_context
from storage.base.clock import SystemClock
from storage.base.errors import ConfigError
from tests.support.certificates import Authority, Pair, authority

LOOPBACK = "127.0.0.1"


@pytest.fixture(scope="module")
def ours(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return authority(tmp_path_factory.mktemp("ours"))


@pytest.fixture(scope="module")
def node(ours: Authority) -> Pair:
    return ours.pair("WETREAD")


@pytest.fixture(scope="module")
def scanner(ours: Authority) -> Pair:
    return ours.pair("CT1", alternative="DNS:ct1.example")


@pytest.fixture(scope="module")
def stranger(tmp_path_factory: pytest.TempPathFactory) -> Pair:
    return authority(tmp_path_factory.mktemp("theirs"), "other").pair("CT1")


def _server(files: TlsFiles, clients: Clients = "required") -> ServerTls:
    return ServerTls(TlsListen(LOOPBACK, 0, files, clients), SystemClock())


def _client(pair: Pair, own: bool = True) -> ssl.SSLContext:
    files = TlsFiles(pair.certificate if own else None, pair.key if own else None, pair.authority)
    return client_context(files, verify_host=False)


def _shake(server: ServerTls, client: ssl.SSLContext) -> tuple[Certificate | None, tuple[str, str, int]]:
    """A handshake and a byte each way; the client's certificate and the suite. The server's SSLError is raised."""
    here, there = socket.socketpair()
    here.settimeout(10)
    there.settimeout(10)
    failed: list[BaseException] = []

    def knock() -> None:
        try:
            with client.wrap_socket(there, server_hostname="localhost") as connected:
                connected.recv(1)
        except OSError as error:
            failed.append(error)

    thread = Thread(target=knock)
    thread.start()
    try:
        with server.context().wrap_socket(here, server_side=True) as connected:
            connected.send(b"x")
            cipher = connected.cipher()
            assert cipher is not None
            return server.peer_certificate(connected), cipher
    finally:
        here.close()
        thread.join(10)
        there.close()


def test_the_certificate_of_a_peer_is_told(node: Pair, scanner: Pair) -> None:
    found, cipher = _shake(_server(node.files()), _client(scanner))
    assert found == Certificate(scanner.fingerprint, "CT1", ("ct1.example",))
    assert cipher[1] == "TLSv1.3"


@pytest.mark.parametrize("own", [True, False], ids=["of another authority", "none"])
def test_a_peer_without_a_certificate_of_our_authority_is_turned_away(
    node: Pair, scanner: Pair, stranger: Pair, own: bool
) -> None:
    client = _client(replace(stranger, authority=node.authority), own)
    with pytest.raises(ssl.SSLError):
        _shake(_server(node.files()), client)


@pytest.mark.parametrize(
    ("clients", "own", "shown"), [("optional", True, True), ("optional", False, False), ("none", True, False)]
)
def test_certificates_may_be_left_to_the_peer(node: Pair, scanner: Pair, clients: Clients, own: bool, shown: bool) -> None:
    found, _ = _shake(_server(node.files(), clients), _client(scanner, own))
    assert (found is not None) is shown


def test_a_revoked_certificate_is_turned_away(ours: Authority, node: Pair, scanner: Pair) -> None:
    revoked = ours.pair("CT9")
    server = _server(node.files(ours.revocations(revoked)))
    assert _shake(server, _client(scanner))[0] is not None
    with pytest.raises(ssl.SSLError, match="revoked"):
        _shake(server, _client(revoked))


def _below(version: ssl.TLSVersion) -> Callable[[ssl.SSLContext], None]:
    def change(context: ssl.SSLContext) -> None:
        context.minimum_version = ssl.TLSVersion.MINIMUM_SUPPORTED
        context.maximum_version = version
        context.set_ciphers("ALL:@SECLEVEL=0")

    return change


def _suites(names: str) -> Callable[[ssl.SSLContext], None]:
    def change(context: ssl.SSLContext) -> None:
        context.maximum_version = ssl.TLSVersion.TLSv1_2
        context.set_ciphers(names)

    return change


@pytest.mark.filterwarnings("ignore:ssl.TLSVersion.TLSv1:DeprecationWarning")
@pytest.mark.parametrize(
    "change",
    [
        pytest.param(_below(ssl.TLSVersion.TLSv1_1), id="TLS 1.1"),
        pytest.param(_suites("AES256-GCM-SHA384"), id="no forward secrecy"),
        pytest.param(_suites("ECDHE-RSA-AES256-SHA384"), id="CBC"),
        pytest.param(_suites("DHE-RSA-AES256-GCM-SHA384"), id="finite field"),
        pytest.param(_suites("aNULL:@SECLEVEL=0"), id="anonymous"),
    ],
)
def test_what_bcp_195_advises_against_is_refused(node: Pair, scanner: Pair, change: Callable[[ssl.SSLContext], None]) -> None:
    client = _client(scanner)
    change(client)
    with pytest.raises(ssl.SSLError):
        _shake(_server(node.files()), client)


def test_contexts_of_both_directions_say_so_themselves(node: Pair, scanner: Pair) -> None:
    """Whatever the defaults of the installed OpenSSL are."""
    for context in (_server(node.files()).context(), _client(scanner)):
        assert context.minimum_version is ssl.TLSVersion.TLSv1_2
        assert context.options & ssl.OP_NO_COMPRESSION and context.options & ssl.OP_NO_RENEGOTIATION
        assert context.verify_mode is ssl.CERT_REQUIRED


@pytest.mark.parametrize("suite", ["ECDHE-RSA-AES128-GCM-SHA256", "ECDHE-RSA-AES256-GCM-SHA384", "ECDHE-RSA-CHACHA20-POLY1305"])
def test_tls_1_2_with_a_good_suite_is_spoken(node: Pair, scanner: Pair, suite: str) -> None:
    client = _client(scanner)
    _suites(suite)(client)
    assert _shake(_server(node.files()), client)[1][:2] == (suite, "TLSv1.2")


def _replace_pair(to: Pair, of: Pair) -> None:
    for new, old in ((of.key, to.key), (of.certificate, to.certificate)):
        shutil.copyfile(new, old.with_suffix(".new"))
        old.with_suffix(".new").replace(old)


@pytest.fixture
def followed(tmp_path: Path, node: Pair, monkeypatch: pytest.MonkeyPatch) -> Pair:
    """A pair in files that a test may change; they are looked at each time."""
    monkeypatch.setattr(tls, "LOOK_EVERY_S", 0.0)
    mine = Pair(tmp_path / "node.pem", tmp_path / "node.key", tmp_path / "ca.pem")
    _replace_pair(mine, node)
    shutil.copyfile(node.authority, mine.authority)
    return mine


def test_a_new_certificate_is_taken_up_by_the_next_connection(ours: Authority, scanner: Pair, followed: Pair) -> None:
    server = _server(followed.files())
    before = server.context()
    assert server.context() is before
    _replace_pair(followed, ours.pair("RENEWED"))
    assert server.context() is not before
    assert _shake(server, _client(scanner))[0] is not None


def test_a_new_authority_is_taken_up(scanner: Pair, stranger: Pair, followed: Pair) -> None:
    server = _server(followed.files())
    shutil.copyfile(stranger.authority, followed.authority)
    assert _shake(server, _client(replace(stranger, authority=scanner.authority)))[0] is not None
    with pytest.raises(ssl.SSLError):
        _shake(server, _client(scanner))


def test_broken_files_leave_the_former_context_and_one_error(
    scanner: Pair, followed: Pair, capsys: pytest.CaptureFixture[str]
) -> None:
    server = _server(followed.files())
    before = server.context()
    followed.certificate.write_text("no certificate")
    assert [server.context() for _ in range(3)] == [before] * 3
    assert capsys.readouterr().err.count("tls.files-not-taken") == 1
    assert _shake(server, _client(scanner))[0] is not None
    followed.certificate.unlink()
    assert server.context() is before


def test_files_are_not_looked_at_for_every_connection(ours: Authority, followed: Pair, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tls, "LOOK_EVERY_S", 3600.0)
    server = _server(followed.files())
    before = server.context()
    _replace_pair(followed, ours.pair("LATER"))
    assert server.context() is before


def test_sessions_of_tls_1_2_fill_no_memory(node: Pair, scanner: Pair, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tls, "MOST_SESSIONS", 2)
    server = _server(node.files())
    contexts = set()
    for _ in range(5):
        contexts.add(server.context())
        client = _client(scanner)
        client.maximum_version = ssl.TLSVersion.TLSv1_2
        _end_well(server, client)
        assert server.context().session_stats()["number"] < 2
    assert len(contexts) > 1


def _end_well(server: ServerTls, client: ssl.SSLContext) -> None:
    """A handshake, then the end that is told: OpenSSL forgets the session of a connection that just breaks."""
    here, there = socket.socketpair()

    def knock() -> None:
        with client.wrap_socket(there, server_hostname="localhost") as connected:
            connected.unwrap()

    thread = Thread(target=knock)
    thread.start()
    with server.context().wrap_socket(here, server_side=True) as connected:
        connected.unwrap()
    thread.join(10)


def _encrypted(pair: Pair, folder: Path) -> TlsFiles:
    out = folder / "encrypted.key"
    command = ["openssl", "pkey", "-in", str(pair.key), "-aes256", "-passout", "pass:secret", "-out", str(out)]
    subprocess.run(command, check=True, capture_output=True)
    return replace(pair.files(), key=out)


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        (lambda node, other, at: replace(node.files(), key=at / "none"), "tls.key: .*none can't be read"),
        (lambda node, other, at: replace(node.files(), key=other.key), "tls.key: .* doesn't belong to the certificate"),
        (lambda node, other, at: replace(node.files(), certificate=node.key), "tls.certificate: .*write both as PEM"),
        (lambda node, other, at: replace(node.files(), ca=node.key), "tls.ca: .*can't be used"),
        (lambda node, other, at: _encrypted(node, at), "tls.key: .*is encrypted"),
    ],
    ids=["missing", "of another", "no certificate", "no authority", "encrypted"],
)
def test_unusable_files_stop_the_start_with_a_mend(
    node: Pair, scanner: Pair, tmp_path: Path, change: Callable[[Pair, Pair, Path], TlsFiles], expected: str
) -> None:
    with pytest.raises(ConfigError, match=expected):
        _server(change(node, scanner, tmp_path))


@pytest.mark.heavy
def test_the_layout_of_the_guide_works(tmp_path: Path) -> None:
    guide = (Path(__file__).parents[5] / "config" / "README.md").read_text()
    lines = guide[guide.index("    mkdir -p config/tls") :].split("\n\n")[0]
    done = subprocess.run(["bash", "-ec", lines], cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    folder = tmp_path / "config" / "tls"
    assert {path.stat().st_mode & 0o077 for path in folder.iterdir()} == {0}
    node, scanner = (Pair(folder / f"{name}.pem", folder / f"{name}.key", folder / "ca.pem") for name in ("node", "ct1"))
    found, _ = _shake(_server(node.files()), _client(scanner))
    assert found == Certificate(scanner.fingerprint, "ct1", ("ct1.hospital",))
    assert scanner.fingerprint in done.stdout.replace(":", "").lower()

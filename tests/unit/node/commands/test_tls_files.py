"""Files of TLS that can't be used stop `wetread serve` and `wetread check-config` before anything starts."""

from __future__ import annotations

import socket
from pathlib import Path

import pytest

from node.commands import serve
from node.settings import Settings, load_settings
from storage.base.errors import WetreadError
from tests.support.certificates import Pair, authority
from tests.support.ports import LOOPBACK, free_port


@pytest.fixture(scope="module")
def pair(tmp_path_factory: pytest.TempPathFactory) -> Pair:
    return authority(tmp_path_factory.mktemp("tls")).pair("node")


def _settings(folder: Path, text: str) -> Settings:
    (folder / "w.yaml").write_text(text)
    return load_settings(folder / "w.yaml")


def test_good_files_are_passed(tmp_path: Path, pair: Pair) -> None:
    peer = "{name: a, ae_title: A, host: h, port: 104, tls: true}"
    text = f"tls: {{certificate: {pair.certificate}, key: {pair.key}, ca: {pair.authority}}}\npeers: [{peer}]"
    serve._usable_tls(_settings(tmp_path, text))
    serve._usable_tls(load_settings(None))


def test_our_files_are_named(tmp_path: Path, pair: Pair) -> None:
    settings = _settings(tmp_path, f"tls: {{certificate: {pair.certificate}, key: gone.key, ca: {pair.authority}}}")
    with pytest.raises(WetreadError, match=r"^tls.key: gone.key can't be read \(No such file or directory\); name an existing"):
        serve._usable_tls(settings)


def test_files_for_a_peer_are_named(tmp_path: Path, pair: Pair) -> None:
    settings = _settings(tmp_path, "peers: [{name: far, ae_title: A, host: h, port: 104, tls: {ca: gone.pem}}]")
    with pytest.raises(WetreadError, match=r"^peer far: tls.ca: gone.pem can't be read"):
        serve._usable_tls(settings)


def test_a_tls_port_that_is_taken_is_named(tmp_path: Path, pair: Pair) -> None:
    with socket.socket() as taken:
        taken.bind((LOOPBACK, 0))
        taken.listen()
        port = taken.getsockname()[1]
        text = f"node: {{port: {free_port()}}}\ntls: {{port: {port}, certificate: {pair.certificate}, ca: {pair.authority}}}"
        with pytest.raises(WetreadError, match=rf"^tls.port: 127.0.0.1:{port} can't be used .* change tls.port$"):
            serve._ports_are_free(_settings(tmp_path, text))


def test_a_plain_port_that_is_not_opened_may_be_taken(tmp_path: Path, pair: Pair) -> None:
    with socket.socket() as taken:
        taken.bind((LOOPBACK, 0))
        taken.listen()
        port = taken.getsockname()[1]
        files = f"certificate: {pair.certificate}, ca: {pair.authority}"
        serve._ports_are_free(_settings(tmp_path, f"node: {{port: {port}}}\ntls: {{port: {free_port()}, {files}, only: true}}"))

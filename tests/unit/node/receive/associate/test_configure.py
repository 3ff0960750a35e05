"""Admission as the settings say it."""

from __future__ import annotations

from pathlib import Path

from node.receive.associate.admission import SERVICES, UNKNOWN_CALLING, WRONG_ADDRESS, WRONG_USER, Caller, Grant
from node.receive.associate.configure import admission_of
from node.receive.associate.user_identity import UserIdentity, hash_passcode
from node.receive.listen.tls import tls_of
from node.settings import Settings, load_settings

TEXT = f"""
node: {{calling: [CT9]}}
receive: {{idle_s: 120, transfer_syntaxes: [ExplicitVRLittleEndian]}}
tls: {{certificate: node.pem, key: node.key, ca: ca.pem, port: 2762, client_certificates: optional}}
sources:
- name: ct
  calling: [CT1, CT2]
  from: 10.1.0.0/16
  users: [{{name: op, passcode: "{hash_passcode(b"geheim")}"}}]
  services: [store]
  sop_classes: [CTImageStorage]
  durability: os
  max_associations: 4
  idle_s: 7
- {{name: mr, calling: [MR1], transfer_syntaxes: ["*"]}}
- {{name: none, calling: [MR2], services: []}}
peers:
- {{name: pacs, ae_title: PACS, host: 192.0.2.9, port: 104}}
- {{name: sink, ae_title: SINK, host: 192.0.2.9, port: 105, receive_from: false}}
- {{name: ct, ae_title: CT1, host: 10.1.0.9, port: 104}}
""".replace("from: 10.1.0.0/16", "from: [10.1.0.0/16]")


def _settings(tmp_path: Path) -> Settings:
    (tmp_path / "w.yaml").write_text(TEXT)
    return load_settings(tmp_path / "w.yaml")


def _check(tmp_path: Path, calling: str, host: str = "192.0.2.1", user: UserIdentity | None = None) -> object:
    return admission_of(_settings(tmp_path)).check(Caller(host, calling, "WETREAD", user=user))


def test_a_source_grants_what_it_says(tmp_path: Path) -> None:
    assert _check(tmp_path, "CT1", "10.1.2.3", UserIdentity("op", b"geheim")) == Grant(
        "ct",
        services=frozenset({"store"}),
        sop_classes=frozenset({"1.2.840.10008.5.1.4.1.1.2"}),
        durability="os",
        transfer_syntaxes=("1.2.840.10008.1.2.1",),
        most_associations=4,
        idle_s=7.0,
        identified=True,
    )


def test_a_source_denies_what_it_says(tmp_path: Path) -> None:
    assert _check(tmp_path, "CT1", "10.2.2.3", UserIdentity("op", b"geheim")) == WRONG_ADDRESS
    assert _check(tmp_path, "CT2", "10.1.2.3") == WRONG_USER
    assert _check(tmp_path, "MR2") == Grant(
        "none", services=frozenset(), transfer_syntaxes=("1.2.840.10008.1.2.1",), idle_s=120.0
    )


def test_what_a_source_leaves_out_is_the_receivers(tmp_path: Path) -> None:
    assert _check(tmp_path, "MR1") == Grant("mr", SERVICES, transfer_syntaxes=("*",), idle_s=120.0)


def test_peers_and_known_titles_send_from_any_address(tmp_path: Path) -> None:
    for title in ("CT9", "PACS"):
        assert _check(tmp_path, title) == Grant(title, SERVICES, transfer_syntaxes=("1.2.840.10008.1.2.1",), idle_s=120.0)
    assert _check(tmp_path, "SINK") == UNKNOWN_CALLING


def test_a_peer_that_a_source_names_is_bound_by_the_source(tmp_path: Path) -> None:
    assert _check(tmp_path, "CT1", "10.1.0.9") == WRONG_USER


def test_the_tls_port_of_the_settings(tmp_path: Path) -> None:
    found = tls_of(_settings(tmp_path))
    assert found is not None
    assert (found.host, found.port, found.clients) == ("127.0.0.1", 2762, "optional")
    assert [str(path) for path in found.files.paths] == ["node.pem", "node.key", "ca.pem"]
    assert tls_of(load_settings(None)) is None

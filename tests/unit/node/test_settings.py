from __future__ import annotations

from pathlib import Path

import pytest

from node.settings import Settings, load_settings
from storage.base.errors import ConfigError

REPOSITORY = Path(__file__).parents[3]


def _load(tmp_path: Path, text: str) -> Settings:
    path = tmp_path / "w.yaml"
    path.write_text(text)
    return load_settings(path)


def _complaint(tmp_path: Path, text: str) -> str:
    with pytest.raises(ConfigError) as caught:
        _load(tmp_path, text)
    return caught.value.message.removeprefix(f"{tmp_path}/")


def test_without_a_file_the_defaults_hold() -> None:
    settings = load_settings(None)
    assert (settings.node.ae_title, settings.node.host, settings.node.port) == ("WETREAD", "127.0.0.1", 11112)
    assert settings.store.database == "sqlite:///wetread-data/wetread.db"
    assert settings.peers == ()


def test_the_example_file_states_the_defaults() -> None:
    example = load_settings(REPOSITORY / "config" / "wetread.yaml")
    assert [peer.name for peer in example.peers] == ["pacs"]
    assert example.model_copy(update={"peers": ()}) == load_settings(None)


def test_the_environment_goes_over_the_file_key_by_key(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WETREAD_NODE__PORT", "4711")
    monkeypatch.setenv("WETREAD_PEERS", '[{"name": "a", "ae_title": "A", "host": "h", "port": 104}]')
    settings = _load(tmp_path, "node: {ae_title: NEAR, port: 104}")
    assert (settings.node.ae_title, settings.node.port) == ("NEAR", 4711)
    assert settings.known_calling_ae_titles() == {"A"}


def test_a_peer_that_may_not_send_is_not_known_as_a_sender(tmp_path: Path) -> None:
    peer = "{name: a, ae_title: A, host: h, port: 104, receive_from: false}"
    settings = _load(tmp_path, f"node: {{calling: [CT1]}}\npeers: [{peer}]")
    assert settings.known_calling_ae_titles() == {"CT1"}


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("node:\n  prot: 1", "w.yaml:2: node.prot: unknown key; did you mean port?"),
        ("noed: {}", "w.yaml:1: noed: unknown key; did you mean node?"),
        ("zzz: 1", "w.yaml:1: zzz: unknown key; known here: node, web,"),
        ("node: {port: many}", "w.yaml:1: node.port: 'many' can't be used; input should be a valid integer"),
        ("node: {port: 70000}", "w.yaml:1: node.port: 70000 can't be used; input should be less than or equal to 65535"),
        ("node: {ae_title: 'A\\B'}", "w.yaml:1: node.ae_title: 'A\\\\B' can't be used; write 1 to 16 printable ASCII"),
        ("peers:\n- name: a\n  ae_title: A\n  host: h", "w.yaml:2: peers[0].port: is missing; add it"),
        ("peers:\n- {name: a, aetitle: A, host: h, port: 1}", "w.yaml:2: peers[0].ae_title: is missing; add it"),
        ("completion: {quiet_s: {CT: 0}}", "w.yaml:1: completion.quiet_s.CT: 0 can't be used; input should be greater than 0"),
        ("web: {}\nweb: {}", "w.yaml:2: web: stands in line 1 already; remove one of the two"),
        ("node: [", "w.yaml:1: is not YAML ("),
        ("node: 2026-02-31", "w.yaml: holds a value that can't be read (day is out of range for month); put it into quotes"),
        ("[" * 700, "w.yaml: is nested too deeply; write it flatter"),
        ("- a", "w.yaml: holds no mapping; begin with a key such as `node:`"),
    ],
)
def test_a_complaint_names_file_line_key_and_mend(tmp_path: Path, text: str, expected: str) -> None:
    assert _complaint(tmp_path, text).startswith(expected)


FINGERPRINT = ":".join(["AB"] * 32)
SOURCES = f"""
sources:
- name: ct
  calling: [CT1]
  from: [10.1.0.0/16, 192.0.2.7]
  certificate: "SHA256:{FINGERPRINT}"
  services: [echo, store]
  sop_classes: [CTImageStorage, 1.2.3.4]
  transfer_syntaxes: [JPEGLossless, "*"]
  durability: os
tls: {{certificate: node.pem, key: node.key, ca: ca.pem}}
"""


def test_sources_are_read_with_names_for_uids(tmp_path: Path) -> None:
    (source,) = _load(tmp_path, SOURCES).sources
    assert source.certificate == ("sha256:" + "ab" * 32,)
    assert source.sop_classes == ("1.2.840.10008.5.1.4.1.1.2", "1.2.3.4")
    assert source.transfer_syntaxes == ("1.2.840.10008.1.2.4.57", "*")
    assert source.networks == ("10.1.0.0/16", "192.0.2.7")


@pytest.mark.parametrize(
    ("entry", "expected"),
    [
        ("name: a", "sources[0]: would admit anybody; name calling, from or certificate"),
        ("name: a, form: []", "sources[0].form: unknown key; did you mean from?"),
        ("name: a, calling: [A, '']", "sources[0].calling[1]: '' can't be used; write 1 to 16"),
        (
            "name: a, from: [10.1.0.5/16]",
            "sources[0].from[0]: '10.1.0.5/16' can't be used; the address has bits beyond the network",
        ),
        ("name: a, from: [ct1.lan]", "sources[0].from[0]: 'ct1.lan' can't be used; write an address or a network"),
        ("name: a, certificate: CT1", "sources[0].certificate[0]: 'CT1' can't be used; write sha256:FINGERPRINT"),
        ("name: a, certificate: 'cn:CT1'", "sources[0].certificate: no port asks for certificates; set tls.port and"),
        ("name: a, calling: [A], tls: true", "sources[0].tls: no port speaks TLS; set tls.port"),
        (
            "name: a, calling: [A], services: [stow]",
            "sources[0].services[0]: 'stow' can't be used; input should be 'echo', 'store'",
        ),
        (
            "name: a, calling: [A], sop_classes: [CT]",
            "sources[0].sop_classes[0]: 'CT' can't be used; write a UID, a keyword such as",
        ),
        (
            "name: a, calling: [A], transfer_syntaxes: [X]",
            "sources[0].transfer_syntaxes[0]: 'X' can't be used; write a UID, a keyword",
        ),
        (
            "name: a, calling: [A], durability: none",
            "sources[0].durability: 'none' can't be used; input should be 'full' or 'os'",
        ),
    ],
)
def test_a_complaint_about_a_source_names_its_place(tmp_path: Path, entry: str, expected: str) -> None:
    assert _complaint(tmp_path, f"sources:\n- {{{entry}}}").startswith(f"w.yaml:2: {expected}")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("sources:\n- &a {name: a, calling: [A]}\n- *a", "sources: entries 0 and 1 are both named a; give each its own name"),
        ("tls: {port: 1}", "tls.certificate: is missing; add it"),
        ("tls: {certificate: a.pem}", "tls.ca: is missing; name the authorities of your senders' certificates"),
        ("tls: {certificate: a.pem, ca: b.pem, port: 11112}", "tls.port: is node.port too; give each its own"),
        ("tls: {certificate: a.pem, port: null, only: true}", "tls.only: without tls.port nothing would listen"),
        ("tls: {certificate: a.pem, ca: b.pem, kee: c}", "tls.kee: unknown key; did you mean key?"),
        ("receive: {path: quick}", "receive.path: 'quick' can't be used; input should be 'fast' or 'stock'"),
        ("receive: {request: 3}", "receive.request: unknown key; did you mean request_s?"),
        ("peers: [{name: a, ae_title: A, host: h, port: 1, tls: true}]", "peers[0].tls: no authority is named; add ca, here or"),
        (
            "peers: [{name: a, ae_title: A, host: h, port: 1, tls: {verify: no}}]",
            "peers[0].tls.verify: unknown key; did you mean",
        ),
    ],
)
def test_a_complaint_about_the_network_names_its_place(tmp_path: Path, text: str, expected: str) -> None:
    assert _complaint(tmp_path, text).startswith(f"w.yaml:1: {expected}")


def test_a_complaint_never_repeats_a_passcode(tmp_path: Path) -> None:
    text = "sources:\n- name: a\n  calling: [A]\n  users:\n  - {name: ct, passcode: hunter2}"
    message = _complaint(tmp_path, text)
    assert message == "w.yaml:5: sources[0].users[0].passcode: write what `wetread passcode` prints, in quotes"


@pytest.mark.parametrize(
    ("peer_tls", "expected"),
    [
        ("false", None),
        ("true", ("n.pem", "n.key", "ca.pem", True)),
        ("{verify_host: false}", ("n.pem", "n.key", "ca.pem", False)),
        ("{ca: other.pem}", ("n.pem", "n.key", "other.pem", True)),
        ("{certificate: both.pem}", ("both.pem", None, "ca.pem", True)),
    ],
)
def test_tls_to_a_peer_takes_what_it_leaves_out_from_ours(tmp_path: Path, peer_tls: str, expected: object) -> None:
    peer = f"{{name: a, ae_title: A, host: h, port: 104, tls: {peer_tls}}}"
    (found,) = _load(tmp_path, f"tls: {{certificate: n.pem, key: n.key, ca: ca.pem}}\npeers: [{peer}]").peers
    tls = found.tls
    assert expected == (tls and (str(tls.certificate), tls.key and str(tls.key), str(tls.ca), tls.verify_host))


def test_two_peers_of_one_name_are_refused(tmp_path: Path) -> None:
    peer = "- {name: a, ae_title: A, host: h, port: 104}\n"
    assert "entries 0 and 1 are both named a; give each its own name" in _complaint(tmp_path, "peers:\n" + peer * 2)


def test_a_complaint_never_repeats_a_database_password(tmp_path: Path) -> None:
    message = _complaint(tmp_path, "store: {database: 'mysql://me:hunter2@h/x'}")
    assert "store.database" in message
    assert "hunter2" not in message


def test_a_missing_file_is_one_clear_line(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"none\.yaml: can't be read \(No such file or directory\)"):
        load_settings(tmp_path / "none.yaml")


@pytest.mark.parametrize(
    ("name", "value", "expected"),
    [
        ("WETREAD_NODE__PORT", "many", "environment: WETREAD_NODE__PORT: 'many' can't be used"),
        ("WETREAD_NODE__PROT", "1", "environment: WETREAD_NODE__PROT: unknown key; did you mean port?"),
        ("WETREAD_NOED__PORT", "1", "environment: WETREAD_NOED__PORT: sets no known key; did you mean node?"),
        ("WETREAD_PEERS", "{", "environment: WETREAD_PEERS: is not JSON"),
    ],
)
def test_a_bad_variable_is_named(monkeypatch: pytest.MonkeyPatch, name: str, value: str, expected: str) -> None:
    monkeypatch.setenv(name, value)
    with pytest.raises(ConfigError) as caught:
        load_settings(None)
    assert caught.value.message.startswith(expected)


def test_variables_of_the_test_suite_are_no_settings(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WETREAD_REQUIRE", "data")
    monkeypatch.setenv("WETREAD_TEST_PG_URL", "postgresql://x")
    assert load_settings(None) == Settings()


def test_shipped_models_are_found_from_anywhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert load_settings(None).model_folders() == (REPOSITORY / "inference" / "bundles",)
    with pytest.raises(ConfigError, match="models: elsewhere is no folder"):
        _load(tmp_path, "models: [elsewhere]").model_folders()


def test_yaml_that_refers_to_itself_is_refused_in_one_line(tmp_path: Path) -> None:
    assert _complaint(tmp_path, "node: &a\n  calling: [*a]").startswith("w.yaml:1: node.calling[0]: ")

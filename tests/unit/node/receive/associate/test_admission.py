"""Who is admitted: every dimension denies by itself, and what is left out asks for nothing."""

from __future__ import annotations

from dataclasses import replace
from ipaddress import ip_network

import pytest

from node.receive.associate.admission import (
    NO_TLS,
    UNKNOWN_CALLED,
    UNKNOWN_CALLING,
    WRONG_ADDRESS,
    WRONG_CERTIFICATE,
    WRONG_USER,
    Admission,
    Caller,
    Grant,
    Reject,
    Source,
)
from node.receive.associate.certificates import Certificate, certificate_name
from node.receive.associate.user_identity import UserIdentity, Users, hash_passcode

HOST = "127.0.0.1"
KNOWN = frozenset({"SCANNER", "PACS"})
CT1 = Certificate("a1" * 32, "CT1", ("ct1.hospital",))
OTHER = Certificate("b2" * 32, "MR1", ("mr1.hospital",))
SECRET = hash_passcode(b"geheim")

SOURCE = Source(
    Grant("ct"),
    networks=(ip_network("10.1.0.0/16"), ip_network("2001:db8::/32")),
    calling=frozenset({"CT1", "CT2"}),
    called=frozenset({"WETREAD", "ARCHIVE"}),
    certificates=(certificate_name(f"sha256:{CT1.fingerprint}"),),
    users=Users({"ct": SECRET}),
)
RIGHT = Caller("10.1.2.3", "CT1", "WETREAD", True, CT1, UserIdentity("ct", b"geheim"))
ADMISSION = Admission("WETREAD", KNOWN, sources=(SOURCE,))


@pytest.mark.parametrize(
    ("calling", "called", "expected"),
    [
        ("SCANNER", "WETREAD", None),
        ("SCANNER         ", " WETREAD        ", None),
        ("STRANGER", "WETREAD", UNKNOWN_CALLING),
        ("scanner", "WETREAD", UNKNOWN_CALLING),
        ("", "WETREAD", UNKNOWN_CALLING),
        ("SCANNER", "OTHER", UNKNOWN_CALLED),
        ("STRANGER", "OTHER", UNKNOWN_CALLING),
    ],
)
def test_known_titles(calling: str, called: str, expected: Reject | None) -> None:
    assert Admission("WETREAD", KNOWN).check(Caller(HOST, calling, called)) == (expected or Grant(calling.strip()))


def test_the_called_title_may_be_left_open() -> None:
    assert Admission("WETREAD", KNOWN, require_called=False).check(Caller(HOST, "PACS", "ANYTHING")) == Grant("PACS")


def test_who_knows_nobody_admits_nobody() -> None:
    assert Admission("WETREAD").check(Caller(HOST, "SCANNER", "WETREAD")) is UNKNOWN_CALLING
    assert not Admission("WETREAD").may_connect(HOST)


@pytest.mark.parametrize(
    ("wrong", "expected"),
    [
        pytest.param({}, None, id="all right"),
        pytest.param({"calling": "CT2             "}, None, id="another of its titles"),
        pytest.param({"called": "ARCHIVE"}, None, id="another of ours"),
        pytest.param({"host": "::ffff:10.1.2.3"}, None, id="IPv4 in IPv6"),
        pytest.param({"host": "2001:db8::7%eth0"}, None, id="IPv6 with a zone"),
        pytest.param({"host": "10.2.2.3"}, WRONG_ADDRESS, id="address"),
        pytest.param({"host": "2001:db9::7"}, WRONG_ADDRESS, id="IPv6 address"),
        pytest.param({"host": "no-address"}, WRONG_ADDRESS, id="no address"),
        pytest.param({"calling": "CT3"}, UNKNOWN_CALLING, id="calling title"),
        pytest.param({"called": "OTHER"}, UNKNOWN_CALLED, id="called title"),
        pytest.param({"tls": False, "certificate": None}, NO_TLS, id="no TLS"),
        pytest.param({"certificate": None}, WRONG_CERTIFICATE, id="no certificate"),
        pytest.param({"certificate": OTHER}, WRONG_CERTIFICATE, id="certificate"),
        pytest.param({"user": None}, WRONG_USER, id="no user"),
        pytest.param({"user": UserIdentity("ct")}, WRONG_USER, id="no passcode"),
        pytest.param({"user": UserIdentity("ct", b"Geheim")}, WRONG_USER, id="passcode"),
        pytest.param({"user": UserIdentity("mr", b"geheim")}, WRONG_USER, id="user"),
    ],
)
def test_every_dimension_denies_by_itself(wrong: dict[str, object], expected: Reject | None) -> None:
    found = ADMISSION.check(replace(RIGHT, **wrong))  # type: ignore[arg-type]
    assert found == (expected or Grant("ct", identified=True))


@pytest.mark.parametrize("dimension", ["networks", "calling", "called", "certificates", "users"])
def test_what_a_source_leaves_out_it_does_not_ask_for(dimension: str) -> None:
    open_there = replace(SOURCE, **{dimension: type(getattr(SOURCE, dimension))(() if dimension != "users" else {})})
    wrong = {
        "networks": {"host": "192.0.2.1"},
        "calling": {"calling": "ANY"},
        "called": {"called": "WETREAD"},
        "certificates": {"certificate": None, "tls": False},
        "users": {"user": None},
    }[dimension]
    assert isinstance(Admission("WETREAD", sources=(open_there,)).check(replace(RIGHT, **wrong)), Grant)  # type: ignore[arg-type]


def test_a_source_without_called_titles_asks_for_ours() -> None:
    source = replace(SOURCE, called=frozenset())
    assert Admission("WETREAD", sources=(source,)).check(replace(RIGHT, called="ARCHIVE")) == UNKNOWN_CALLED
    assert isinstance(
        Admission("WETREAD", sources=(source,), require_called=False).check(replace(RIGHT, called="ARCHIVE")), Grant
    )


def test_a_source_may_ask_for_tls_with_any_certificate() -> None:
    admission = Admission("WETREAD", sources=(Source(Grant("x"), calling=frozenset({"X"}), tls=True),))
    assert admission.check(Caller(HOST, "X", "WETREAD")) == NO_TLS
    assert isinstance(admission.check(Caller(HOST, "X", "WETREAD", tls=True)), Grant)


@pytest.mark.parametrize(
    ("name", "fits"),
    [
        (f"sha256:{CT1.fingerprint.upper()}", True),
        ("sha256:" + ":".join([CT1.fingerprint[:2].upper()] * 32), True),
        (f"sha256:{OTHER.fingerprint}", False),
        ("cn:ct1", True),
        ("cn:ct1.hospital", False),
        ("dns:CT1.hospital", True),
        ("dns:CT1", False),
        ("dns:hospital", False),
    ],
)
def test_a_certificate_is_bound_by_what_names_it(name: str, fits: bool) -> None:
    source = replace(SOURCE, certificates=(certificate_name(name),))
    assert isinstance(Admission("WETREAD", sources=(source,)).check(RIGHT), Grant) is fits


@pytest.mark.parametrize(
    "text", ["", "CT1", "sha256:", "sha256:12", "sha256:" + "g" * 64, "cn:", "dns:*.hospital", "ip:10.0.0.1"]
)
def test_a_certificate_name_that_says_too_little_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="sha256:FINGERPRINT"):
        certificate_name(text)


def test_the_first_source_that_fits_decides() -> None:
    store, echo = (
        Source(Grant("first", services=frozenset({"store"})), calling=frozenset({"A"}), networks=(ip_network("10.0.0.0/8"),)),
        Source(Grant("second", services=frozenset({"echo"})), calling=frozenset({"A"})),
    )
    admission = Admission("WETREAD", sources=(store, echo))
    assert [admission.check(Caller(host, "A", "WETREAD")) for host in ("10.0.0.1", HOST)] == [store.grant, echo.grant]


def test_a_source_that_asks_for_a_user_leaves_nobody_to_the_next() -> None:
    asks = Source(Grant("first"), calling=frozenset({"A"}), users=Users({"u": SECRET}))
    admission = Admission("WETREAD", sources=(asks, Source(Grant("second"), calling=frozenset({"A"}))))
    assert admission.check(Caller(HOST, "A", "WETREAD")) == WRONG_USER


def test_a_title_that_a_source_names_is_no_known_title() -> None:
    """Else the peer's entry, which is there to be sent to, would open the door that the source guards."""
    admission = Admission("WETREAD", KNOWN | {"CT1"}, sources=(SOURCE,))
    assert admission.check(Caller(HOST, "CT1", "WETREAD")) == WRONG_ADDRESS
    assert admission.check(Caller(HOST, "PACS", "WETREAD")) == Grant("PACS")


def test_known_titles_get_the_ordinary_grant() -> None:
    ordinary = Grant("", transfer_syntaxes=("1.2.840.10008.1.2",), idle_s=5.0)
    assert Admission("WETREAD", KNOWN, ordinary=ordinary).check(Caller(HOST, "PACS", "WETREAD")) == replace(
        ordinary, source="PACS"
    )


@pytest.mark.parametrize(
    ("host", "known", "expected"),
    [("10.1.9.9", False, True), (HOST, False, False), (HOST, True, True), ("not-an-address", False, False)],
)
def test_an_address_is_looked_at_before_anything_is_read(host: str, known: bool, expected: bool) -> None:
    assert Admission("WETREAD", KNOWN if known else frozenset(), sources=(SOURCE,)).may_connect(host) is expected


def test_the_reason_told_is_of_the_source_that_came_nearest() -> None:
    admission = Admission("WETREAD", sources=(SOURCE, Source(Grant("mr"), calling=frozenset({"MR1"}))))
    assert admission.check(replace(RIGHT, certificate=OTHER)) == WRONG_CERTIFICATE
    assert admission.check(replace(RIGHT, calling="MR1", called="OTHER")) == UNKNOWN_CALLED

"""Who is who over the wire: titles bound to certificates, other authorities, wrong transports, users and passcodes."""

from __future__ import annotations

from pathlib import Path

import pytest
from pynetdicom.pdu_primitives import UserIdentityNegotiation

from node.tls import client_context
from tests.support import peers
from tests.support.interop import (
    BOUND,
    SCANNER,
    USER,
    WETREAD,
    Certificates,
    Node,
    Transport,
    dcmtk_tls,
    scu_of_pynetdicom,
)
from tests.support.ports import LOOPBACK

pytestmark = pytest.mark.peers


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
    with scu_of_pynetdicom(node.tls_port, client_context(certificates.strange.files(), verify_host=True)) as assoc:
        assert not assoc.is_established


@pytest.mark.parametrize("retired", ["+tla", "+pa", "+pn"], ids=["no certificate", "AES profile", "unencrypted"])
def test_what_dcmtk_keeps_for_old_peers_is_refused(node: Node, certificates: Certificates, retired: str) -> None:
    own = (
        ["+tla", "+cf", certificates.theirs.authority] if retired == "+tla" else [*dcmtk_tls("tls", certificates.theirs), retired]
    )
    done = peers.run_tool("echoscu", *own, "-aet", SCANNER, "-aec", WETREAD, LOOPBACK, str(node.tls_port))
    assert done.returncode != 0
    assert "Association Request Failed" in done.stderr


# Stock pynetdicom holds a connection that began with rubbish until a timeout, for which the end of the node would wait.
@pytest.mark.parametrize(("node", "transport"), [("fast", "plain"), ("fast", "tls"), ("stock", "plain")], indirect=["node"])
def test_the_wrong_transport_for_a_port_fails_alone(node: Node, certificates: Certificates, transport: Transport) -> None:
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

"""The receiver leans on inner parts of one exact version of pynetdicom: this says which, before anything else fails oddly."""

from __future__ import annotations

from importlib.metadata import requires, version
from threading import Thread
from typing import Any

import pytest
from pynetdicom import AE, _config, dul, events, fsm, timer
from pynetdicom._globals import MODE_ACCEPTOR
from pynetdicom.association import Association
from pynetdicom.transport import AssociationSocket, RequestHandler

from node.receive.fast.association import FastAssociation

VERSION = "3.0.4"
MEND = (
    f"pynetdicom {version('pynetdicom')} has no {{name}}: node/receive/fast subclasses inner parts of version {VERSION}. "
    "Compare dul.py, association.py, acse.py, dimse.py, fsm.py, timer.py and transport.py of both versions, mend the fast path, "
    "run tests/dicom on both paths, and only then change the pinned version."
)

OF_AN_ASSOCIATION = (
    *("_abort_blocking", "_accepted_cx", "_dul_ready", "_handlers", "_is_paused", "_kill", "_sent_abort", "_serve_request"),
    *("_server", "acse", "acse_timeout", "ae", "dimse", "dul", "is_aborted", "is_established", "is_rejected", "is_released"),
    *("network_timeout", "requestor", "acceptor", "set_socket"),
)
OF_A_DUL = (
    *("_assoc", "_decode_pdu", "_idle_timer", "_process_recv_primitive", "_recv_pdu", "_send", "artim_timer", "event_queue"),
    *("peek_next_pdu", "receive_pdu", "send_pdu", "socket", "state_machine", "to_provider_queue", "to_user_queue"),
)
OF_A_DIMSE = ("cancel_req", "dimse_timeout", "get_msg", "msg_queue", "receive_primitive", "send_msg")
OF_A_SOCKET = ("_is_connected", "_shutdown_socket", "close", "event_queue", "send")
OF_THE_CONFIGURATION = ("LOG_HANDLER_LEVEL", "LOG_REQUEST_IDENTIFIERS", "LOG_RESPONSE_IDENTIFIERS", "PASS_CONTEXTVARS")


def test_the_version_is_pinned_exactly() -> None:
    assert version("pynetdicom") == VERSION
    assert f"pynetdicom=={VERSION}" in (requires("wetread") or [])


@pytest.fixture(scope="module")
def parts() -> dict[str, Any]:
    assoc = Association(AE(), MODE_ACCEPTOR)
    return {
        "association": assoc,
        "dul": assoc.dul,
        "dimse": assoc.dimse,
        "socket": AssociationSocket(assoc, client_socket=object()),  # type: ignore[arg-type]
        "configuration": _config,
        "timer": timer.Timer(1),
        "dul module": dul,
        "fsm module": fsm,
        "handler": RequestHandler,
    }


@pytest.mark.parametrize(
    ("part", "name"),
    [
        *(("association", name) for name in OF_AN_ASSOCIATION),
        *(("dul", name) for name in OF_A_DUL),
        *(("dimse", name) for name in OF_A_DIMSE),
        *(("socket", name) for name in OF_A_SOCKET),
        *(("configuration", name) for name in OF_THE_CONFIGURATION),
        *(("timer", name) for name in ("_start_time", "_end_time", "timeout", "remaining")),
        *(("fsm module", name) for name in ("TRANSITION_TABLE", "StateMachine")),
        ("dul module", "_PDU_TYPES"),
        ("handler", "_create_association"),
    ],
)
def test_what_the_receiver_leans_on_is_there(parts: dict[str, Any], part: str, name: str) -> None:
    assert hasattr(parts[part], name), MEND.format(name=f"{part}.{name}")


def test_ours_have_all_attributes_that_theirs_set() -> None:
    """Their constructors aren't called on the fast path."""
    theirs, ours = Association(AE(), MODE_ACCEPTOR), FastAssociation(AE(), MODE_ACCEPTOR)
    assert set(vars(theirs)) - set(vars(ours)) == set()
    of_threads = set(vars(Thread()))
    assert set(vars(theirs.dul)) - set(vars(ours.dul)) - of_threads == set()
    assert set(vars(theirs.dimse)) - set(vars(ours.dimse)) == set()
    assert set(ours._handlers) == set(theirs._handlers) - set(events._NOTIFICATION_EVENTS)
    for name in ("mode", "acse_timeout", "dimse_timeout", "network_timeout", "is_established", "is_acceptor", "daemon"):
        assert getattr(ours, name) == getattr(theirs, name), name


def test_the_state_machine_knows_the_events_that_we_give_it() -> None:
    """Those of PS3.8 table 9-10 that the fast path puts to it by name."""
    known = {event for event, _ in fsm.TRANSITION_TABLE}
    assert {"Evt5", "Evt6", "Evt12", "Evt15", "Evt16", "Evt17", "Evt18", "Evt19"} <= known
    assert fsm.TRANSITION_TABLE["Evt19", "Sta6"] == "AA-8" and fsm.TRANSITION_TABLE["Evt15", "Sta6"] == "AA-1"

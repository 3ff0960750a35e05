"""What the receiver asks of pynetdicom as a whole breaks nothing of it."""

from __future__ import annotations

from contextvars import ContextVar
from queue import Queue
from typing import Any

import pytest
from pynetdicom import AE, _config, dimse, utils
from pynetdicom._globals import MODE_ACCEPTOR
from pynetdicom.association import Association
from pynetdicom.dimse_primitives import N_EVENT_REPORT
from pynetdicom.pdu_primitives import P_DATA

from node.receive.pool.scp import quiet_pynetdicom
from tests.support.attacker import command_set, short, uid

COMMITMENT = "1.2.840.10008.1.20.1"
WORKER: ContextVar[int] = ContextVar("WORKER")


def test_an_event_report_is_served_in_a_thread_of_its_own(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_config, "PASS_CONTEXTVARS", False)
    monkeypatch.setattr(dimse, "make_target", utils.make_target)
    quiet_pynetdicom()
    served: Queue[tuple[type, int, int]] = Queue()
    assoc = Association(AE(), MODE_ACCEPTOR)
    monkeypatch.setattr(assoc, "_serve_request", lambda message, number: served.put((type(message), number, WORKER.get(-1))))
    fields = {2: uid(COMMITMENT), 0x100: short(0x0100), 0x110: short(7), 0x800: short(0x101), 0x1000: uid(COMMITMENT + ".1")}
    report = P_DATA()
    fragments: list[Any] = [[3, b"\x03" + command_set({**fields, 0x1002: short(1)})]]
    report.presentation_data_value_list = fragments
    WORKER.set(4)
    assoc.dimse.receive_primitive(report)
    assert served.get(timeout=10) == (N_EVENT_REPORT, 3, 4)

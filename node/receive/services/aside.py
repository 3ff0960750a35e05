"""Reports on associations whose reactor is pynetdicom's own: from a thread beside it."""

from __future__ import annotations

from collections.abc import Callable
from threading import Thread
from typing import Any

from node.receive.associate.sessions import Session
from node.receive.services.reports import LOOK_S, Reports
from storage.base.clock import Clock

_PAUSE_S = 0.001


def report_aside(reports: Reports, assoc: Any, session_of: Callable[[Any], Session | None], clock: Clock) -> None:
    """Begin a thread that sends what is offered to an association, until its end; none where nothing can be."""
    if reports.is_waiting(assoc):
        Thread(target=_serve, args=(reports, assoc, session_of, clock), name="commitment-reports", daemon=True).start()


def _serve(reports: Reports, assoc: Any, session_of: Callable[[Any], Session | None], clock: Clock) -> None:
    while not (assoc.is_released or assoc.is_aborted or assoc._kill):
        clock.sleep(LOOK_S)
        session = session_of(assoc)
        if session is not None and assoc.is_established and reports.is_waiting(assoc) and reports.has_any(session):
            _between_messages(reports, assoc, session, clock)


def _between_messages(reports: Reports, assoc: Any, session: Session, clock: Clock) -> None:
    """With the reactor halted as pynetdicom's own requests halt it."""
    assoc._reactor_checkpoint.clear()
    try:
        while not assoc._is_paused and assoc.is_established:
            clock.sleep(_PAUSE_S)
        reports.send(assoc, session)
    finally:
        assoc._reactor_checkpoint.set()

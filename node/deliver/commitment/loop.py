"""The threads of storage commitment: some verify, and each requester is reported to by one of its own while results are due."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import partial
from threading import Event, Thread

from node.deliver.commitment.reporter import Reporter
from node.deliver.commitment.verifier import Verifier
from storage import commitments
from storage.base.errors import TransientError
from storage.base.log import get_logger
from storage.database import Database

_log = get_logger(__name__)

IDLE_S = 0.25
REAP_S = 5.0
DRAIN_S = 20.0
# A dead peer costs its thread a connection timeout a try; so many may be dead before the living wait.
MOST_REQUESTERS = 16


@dataclass
class Committer:
    """Runs verifiers and reporter until told to stop."""

    db: Database
    verifiers: Sequence[Verifier]
    reporter: Reporter
    _reporting: dict[str, Thread] = field(default_factory=dict)
    _died: list[Exception] = field(default_factory=list)

    def run(self, stop: Event) -> None:
        """Serve until ``stop``; a thread that dies of a bug ends the process, which is then restarted."""
        self._begin(stop)
        threads = [self._start(partial(self._serve, verifier.serve_once, stop), "verify") for verifier in self.verifiers]
        threads.append(self._start(partial(self._serve, self._reap, stop, REAP_S), "reap"))
        while not stop.is_set() and not self._died:
            self._patiently(partial(self._report, stop))
            stop.wait(IDLE_S)
        stop.set()
        for thread in [*threads, *self._reporting.values()]:
            thread.join(DRAIN_S)
        if self._died:
            raise self._died[0]

    def _begin(self, stop: Event) -> None:
        """Offers of a former life are made anew, by settings that may know more peers than the ones before."""
        self.reporter.offers.clear()
        while not self._patiently(self._make_due) and not stop.is_set():
            stop.wait(IDLE_S)

    def _make_due(self) -> bool:
        with self.db.write() as s:
            commitments.make_due(s, self.db.clock.utc())
        self.reporter.offer_failed()
        return True

    def _report(self, stop: Event) -> bool:
        """Give each requester of whom a result is due a thread, unless it has one."""
        with self.db.read() as s:
            due = commitments.requesters_due(s, self.db.clock.utc())
        self._reporting = {title: thread for title, thread in self._reporting.items() if thread.is_alive()}
        for title in due:
            if title not in self._reporting and len(self._reporting) < MOST_REQUESTERS:
                self._reporting[title] = self._start(partial(self._report_to, title, stop), "report")
        return bool(due)

    def _report_to(self, requester: str, stop: Event) -> None:
        while not stop.is_set() and self._patiently(partial(self.reporter.serve_once, requester)):
            pass

    def _reap(self) -> bool:
        at = self.db.clock.utc()
        with self.db.read() as s:
            if not commitments.expired(s, at):
                return False
        with self.db.write() as s:
            freed = commitments.reap_expired(s, at)
        _log.warning("commitment.leases-reaped", requests=len(freed))
        return False

    def _serve(self, work: Callable[[], bool], stop: Event, idle_s: float = IDLE_S) -> None:
        while not stop.is_set():
            if not self._patiently(work):
                stop.wait(idle_s)

    def _start(self, work: Callable[[], None], name: str) -> Thread:
        def guarded() -> None:
            try:
                work()
            except Exception as error:  # noqa: BLE001 - raised again by `run`
                self._died.append(error)

        thread = Thread(target=guarded, name=f"commitment-{name}", daemon=True)
        thread.start()
        return thread

    def _patiently(self, work: Callable[[], bool]) -> bool:
        """Do one round; a database or disk that doesn't answer is waited for."""
        try:
            return work()
        except TransientError as error:
            _log.warning("commitment.waiting", code=error.reason_code)
            return False

"""The threads of storage commitment: one verifies, one a requester reports, one serves requesters whom nobody knows."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
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


@dataclass
class Committer:
    """Runs verifier and reporter until told to stop."""

    db: Database
    verifier: Verifier
    reporter: Reporter

    def run(self, stop: Event) -> None:
        """Serve until ``stop``; a thread that dies of a bug ends the process, which is then restarted."""
        self._begin(stop)
        threads = [Thread(target=self._serve, args=(work, stop), name=name, daemon=True) for name, work in self._works()]
        for thread in threads:
            thread.start()
        while not stop.is_set() and all(thread.is_alive() for thread in threads):
            self._patiently(self._reap)
            stop.wait(REAP_S)
        for thread in threads:
            thread.join(DRAIN_S)
        if not stop.is_set():
            raise RuntimeError("a thread of storage commitment ended by itself")

    def _works(self) -> list[tuple[str, Callable[[], bool]]]:
        known = sorted({peer.ae_title for peer in self.reporter.peers})
        return [
            ("commitment-verify", self.verifier.serve_once),
            ("commitment-unknown", partial(self.reporter.serve_once, not_of=known)),
            *((f"commitment-{index}", partial(self.reporter.serve_once, of=[title])) for index, title in enumerate(known)),
        ]

    def _begin(self, stop: Event) -> None:
        """Offers of a former life are made anew, by settings that may know more peers than the ones before."""
        self.reporter.offers.clear()
        while not self._patiently(self._make_due) and not stop.is_set():
            stop.wait(IDLE_S)

    def _make_due(self) -> bool:
        with self.db.write() as s:
            commitments.make_due(s, self.db.clock.utc())
        return True

    def _reap(self) -> bool:
        at = self.db.clock.utc()
        with self.db.read() as s:
            if not commitments.expired(s, at):
                return False
        with self.db.write() as s:
            freed = commitments.reap_expired(s, at)
        _log.warning("commitment.leases-reaped", requests=len(freed))
        return True

    def _serve(self, work: Callable[[], bool], stop: Event) -> None:
        while not stop.is_set():
            if not self._patiently(work):
                stop.wait(IDLE_S)

    def _patiently(self, work: Callable[[], bool]) -> bool:
        """Do one round; a database or disk that doesn't answer is waited for."""
        try:
            return work()
        except TransientError as error:
            _log.warning("commitment.waiting", code=error.reason_code)
            return False

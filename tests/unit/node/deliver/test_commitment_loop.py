"""What ends the threads of storage commitment, and what doesn't."""

from __future__ import annotations

import random
from collections.abc import Iterator
from pathlib import Path
from threading import Event, Thread

import pytest

from node.deliver.backoff import Backoff
from node.deliver.commitment.loop import Committer
from node.deliver.commitment.reporter import Reporter
from node.deliver.commitment.verifier import Verifier
from node.offers import Offers
from storage import commitments
from storage.base.clock import SystemClock
from storage.base.errors import TransientError
from storage.blobs import open_blobs
from storage.commitments.claim import Work
from storage.commitments.requests import Request
from storage.database import Database, open_database


class _Failing(Verifier):
    """Its first two rounds fail for a while, its third by a bug."""

    rounds = 0

    def serve_once(self) -> bool:
        self.rounds += 1
        if self.rounds < 3:
            raise TransientError("the database is away", code="database")
        raise RuntimeError("a bug")


@pytest.fixture
def db(tmp_path: Path) -> Iterator[Database]:
    opened = open_database(f"sqlite:///{tmp_path / 'w.db'}", SystemClock())
    opened.migrate()
    yield opened
    opened.dispose()


def committer(db: Database, tmp_path: Path, kind: type[Verifier]) -> Committer:
    reporter = Reporter(db, Offers(tmp_path / "offers"), (), "WETREAD", "w/1", Backoff(), 3600.0, random.Random(1))
    return Committer(db, [kind(db, open_blobs(str(tmp_path / "blobs")), "w/1", lambda: lambda: True)], reporter)


def test_a_database_that_is_away_is_waited_for_and_a_bug_ends_the_process(db: Database, tmp_path: Path) -> None:
    made, stop = committer(db, tmp_path, _Failing), Event()
    with pytest.raises(RuntimeError, match="a bug"):
        made.run(stop)
    assert stop.is_set() and made.verifiers[0].rounds == 3  # type: ignore[attr-defined]


def test_it_ends_when_it_is_told_to(db: Database, tmp_path: Path) -> None:
    stop = Event()
    thread = Thread(target=committer(db, tmp_path, Verifier).run, args=(stop,))
    thread.start()
    stop.set()
    thread.join(10)
    assert not thread.is_alive()


def test_a_result_that_was_given_up_waits_to_be_fetched_after_a_restart_too(db: Database, tmp_path: Path) -> None:
    with db.write() as s:
        at = db.clock.utc()
        commitments.note_requested(s, Request("CT_1", "WETREAD", "10.0.0.1", "a1", at), "1.9", [("1.2.840.10008.1", "1.2.3")])
    works: tuple[Work, ...] = ("verify", "report")
    for work in works:
        claim = commitments.take(db, "w/0", 30.0, work)
        assert claim is not None
        with db.write() as s:
            if work == "verify":
                commitments.mark_verified(s, claim.fence, {claim.references[0].id: 0x0112}, at)
            else:
                commitments.fail(s, claim.fence, None, "nobody answers", at)
    made, stop = committer(db, tmp_path, Verifier), Event()
    thread = Thread(target=made.run, args=(stop,))
    thread.start()
    try:
        end_s = db.clock.monotonic_s() + 10
        while (offer := made.reporter.offers.take("CT_1", "a2")) is None and db.clock.monotonic_s() < end_s:
            db.clock.sleep(0.05)
    finally:
        stop.set()
        thread.join(10)
    assert offer is not None and (offer.transaction_uid, offer.association_uid) == ("1.9", "")
    assert offer.failed == (("1.2.840.10008.1", "1.2.3", 0x0112),)

"""Model packages, rule versions, decisions and leases, on both databases."""

from __future__ import annotations

import pytest
from sqlalchemy import func, select

from storage import decisions, events, jobs, leases, packages
from storage.base.clock import ManualClock
from storage.database import Database
from storage.schema import ModelPackage, RuleDecision
from storage.states import UnknownRow
from tests.support.seeds import after, asked, request


def _register(db: Database, version: str, at: float = 0, path: str = "/m") -> ModelPackage:
    with db.write() as s:
        return packages.register(s, "lung-ct", version, f"digest-{version}", path, {"v": version}, after(at))


def _states(db: Database) -> dict[str, str]:
    with db.read() as s:
        return {p.version: p.state for p in packages.list_packages(s)}


def test_the_last_registered_of_a_name_is_active(db: Database) -> None:
    first = _register(db, "1.0.0")
    again = _register(db, "1.0.0", 5, "/elsewhere")
    assert (again.id, again.path, again.registered_at) == (first.id, "/elsewhere", after(0))
    _register(db, "2.0.0", 6)
    assert _states(db) == {"1.0.0": "retired", "2.0.0": "active"}
    _register(db, "1.0.0", 7)
    assert _states(db) == {"1.0.0": "active", "2.0.0": "retired"}
    with db.read() as s:
        active = packages.active_package(s, "lung-ct")
        assert active is not None
        assert active.version == "1.0.0"
        assert packages.active_package(s, "liver-ct") is None


def test_registering_again_does_not_end_a_quarantine(db: Database) -> None:
    package = _register(db, "1.0.0")
    with db.write() as s:
        packages.quarantine(s, package.id, "broken", after(1))
        packages.quarantine(s, package.id, "another reason", after(2))
    assert _register(db, "1.0.0").state == "quarantined"
    with db.read() as s:
        assert packages.get_package(s, package.id).reason == "broken"
        assert packages.active_package(s, "lung-ct") is None
    _register(db, "2.0.0")
    assert _states(db) == {"1.0.0": "quarantined", "2.0.0": "active"}
    with db.write() as s:
        packages.reinstate(s, package.id, after(3))
    assert _states(db) == {"1.0.0": "active", "2.0.0": "retired"}
    with db.read() as s:
        kinds = [e.kind for e in events.list_(s)]
    assert kinds == ["package.active", "package.quarantined", "package.active", "package.active", "package.retired"]


def test_a_package_that_is_gone_retires(db: Database) -> None:
    package = _register(db, "1.0.0")
    with db.write() as s:
        packages.retire(s, package.id, "its folder is gone", after(1))
        packages.retire(s, package.id, "its folder is gone", after(1))
    assert _states(db) == {"1.0.0": "retired"}
    with pytest.raises(UnknownRow, match="no model package 99"), db.write() as s:
        packages.retire(s, 99, "", after(1))


def test_failures_are_counted_by_study_since_the_package_came_to_its_state(db: Database, clock: ManualClock) -> None:
    clock.sleep(10)
    for study in ("1.1", "1.1", "1.2"):
        with db.write() as s:
            what = asked(s, study)
            parameters = {"run": len(jobs.list_jobs(s))}
            request(s, what, parameters=parameters)
            (held,) = jobs.claim(s, "w", 30, 1, clock.utc())
            jobs.fail(s, held.fence, "output", "no", clock.utc())
    with db.write() as s:
        assert packages.failed_studies(s, what.package.id) == 2
        packages.quarantine(s, what.package.id, "failed", after(11))
        packages.reinstate(s, what.package.id, after(12))
        assert packages.failed_studies(s, what.package.id) == 0


def test_the_same_rules_again_are_no_new_version(db: Database) -> None:
    with db.write() as s:
        assert decisions.latest_rules(s) is None
        first = decisions.apply_rules(s, "a", "da", "ann", after(0))
        same = decisions.apply_rules(s, "a", "da", "ben", after(1))
        second = decisions.apply_rules(s, "b", "db", "ben", after(2))
        back = decisions.apply_rules(s, "a", "da", "ann", after(3))
    assert (first.number, same.id, same.author, second.number, back.number) == (1, first.id, "ann", 2, 3)
    with db.read() as s:
        latest = decisions.latest_rules(s)
        assert latest is not None
        assert latest.text == "a"
        assert [v.number for v in decisions.rules_history(s)] == [3, 2, 1]


def test_a_decision_about_the_same_is_one_row(db: Database) -> None:
    with db.write() as s:
        what = asked(s)
        rules = decisions.apply_rules(s, "a", "da", "ann", after(0))
        job, _ = request(s, what)
        for reason, job_id in (("first", job.id), ("second", None)):
            decisions.record_decision(
                s,
                revision_id=what.revision_id,
                rule_version_id=rules.id,
                rule_name="r",
                rule_index=0,
                series_id=what.series_id,
                matched=True,
                reason=reason,
                trace={"Modality": "MR"},
                job_id=job_id,
                at=after(1),
            )
    with db.read() as s:
        assert s.scalar(select(func.count(RuleDecision.id))) == 1
        (found,) = decisions.list_decisions(s, what.revision_id)
        assert (found.reason, found.job_id, found.trace) == ("second", job.id, {"Modality": "MR"})


def test_a_named_lease_has_one_holder(db: Database) -> None:
    with db.write() as s:
        assert leases.acquire(s, "ticks", "a", 10, after(0))
        assert not leases.acquire(s, "ticks", "b", 10, after(9))
        assert leases.acquire(s, "ticks", "a", 10, after(9)), "its holder renews it"
        assert not leases.acquire(s, "ticks", "b", 10, after(18))
        assert leases.acquire(s, "ticks", "b", 10, after(19)), "it ran out"
        leases.release(s, "ticks", "a")
        assert not leases.acquire(s, "ticks", "a", 10, after(20))
        leases.release(s, "ticks", "b")
        assert leases.acquire(s, "ticks", "a", 10, after(20))
        assert leases.acquire(s, "other", "b", 10, after(20))

"""A Study that can't be evaluated is told of where people look, on both databases."""

from __future__ import annotations

from typing import Any

import pytest

from node.route.sweep import Sweep
from node.settings import CompletionSettings
from storage import events, intake
from storage.base.clock import ManualClock
from storage.database import Database
from storage.evaluations import FAILED
from storage.views import study_story
from tests.support.seeds import STUDY, instance, open_association


def _receive(db: Database, number: int) -> None:
    with db.write() as s:
        open_association(s)
        intake.note_association_closed(s, uid="a1", end="released", at=db.clock.utc())
        intake.add_instance(s, instance(number))


def _failures(db: Database) -> list[dict[str, Any]]:
    with db.read() as s:
        return [event.facts for event in events.list_(s) if event.kind == FAILED]


def _next(db: Database) -> str:
    with db.read() as s:
        story = study_story(s, STUDY)
    assert story is not None
    return str(story["next"])


def test_a_failed_evaluation_is_in_the_story_once(db: Database, clock: ManualClock, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: Any) -> None:
        raise ZeroDivisionError("Zzcanary^Jane")

    sweep = Sweep(db, CompletionSettings(default_quiet_s=1.0))
    with monkeypatch.context() as patch:
        patch.setattr("node.route.sweep.evaluate", broken)
        for number in (1, 2):
            _receive(db, number)
            assert _next(db).startswith("waits until")
            for _ in range(3):
                clock.sleep(10)
                assert sweep.run(clock.utc(), clock.monotonic_s()) == 0
            assert _next(db).startswith("evaluation fails: see the log; ")
            assert _failures(db) == [{"arrival_count": n, "error": "ZeroDivisionError"} for n in range(1, number + 1)]
    clock.sleep(1)
    assert sweep.run(clock.utc(), clock.monotonic_s()) == 1
    assert _next(db) == "nothing: no rule asked for a job"

"""A short run of the fuzzer with a fixed seed; `python -m tests.fault.fuzz` runs for as long as one likes."""

from __future__ import annotations

from pathlib import Path

from tests.fault.fuzz.mutate import case
from tests.fault.fuzz.oracle import suspicious
from tests.fault.fuzz.run import fuzz
from tests.fault.fuzz.seeds import made


def test_a_short_run_finds_nothing(tmp_path: Path) -> None:
    """On the fast path: stock pynetdicom's state machine is known to raise on events that it doesn't expect."""
    summary = fuzz(tmp_path, seed=7, seconds=120.0, most=200)
    assert summary.findings == [], summary.text()
    assert summary.cases == 200
    assert summary.acknowledged > 10  # or else it would be testing how associations are refused


def test_a_case_is_made_of_its_seed_and_number_alone() -> None:
    starts = made()
    assert case(starts, 3, 17) == case(starts, 3, 17)
    assert len({case(starts, 3, number).stream for number in range(50)}) > 40


def test_a_bug_of_ours_is_seen_in_a_log() -> None:
    fine = '{"level": "warning", "event": "instance.refused", "status": "C000"}'
    bugs = [
        '{"level": "error", "event": "association.failed", "error": "KeyError", "error_places": ["a.py:1 f"]}',
        '{"level": "warning", "event": "instance.refused", "status": "C0FF"}',
        "Traceback (most recent call last):",
    ]
    assert suspicious([fine]) == []
    assert len(suspicious([fine, *bugs, *bugs])) == 3

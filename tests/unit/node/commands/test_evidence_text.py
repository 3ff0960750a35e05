"""What `wetread show` and `wetread status` print of evidence and of storage commitment."""

from __future__ import annotations

from typing import Any

import pytest

from node.commands.evidence_text import evidence_lines, unreported_lines

MPPS: dict[str, Any] = {"kind": "mpps", "source_uid": "1.8", "listed": 35, "missing": 0, "beyond": 0, "unfinished": 0}
REQUEST: dict[str, Any] = {
    "id": 3,
    "transaction_uid": "1.9",
    "requester": "CT_1",
    "host": "10.0.0.1",
    "requested_at": "2026-01-01T00:00:00.000Z",
    "state": "verified",
    "instances": 35,
    "failed": 1,
    "attempts": 2,
    "next_attempt_at": "2026-01-01T00:05:00.000Z",
    "last_error": "no peer has the AE title CT_1",
    "reported_at": None,
}


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({}, "all held, so the study is complete without waiting"),
        ({"missing": 3}, "3 not held, so quiet time decides"),
        ({"missing": 3, "beyond": 1}, "3 not held, 1 more are held, so quiet time decides"),
        ({"unfinished": 1}, "1 procedure step(s) in progress, so quiet time decides"),
        ({"listed": 0}, "none, so quiet time decides"),
    ],
)
def test_how_evidence_compares_with_what_is_held(changes: dict[str, int], expected: str) -> None:
    (line,) = evidence_lines({"evidence": [{**MPPS, **changes}]})
    assert line == f"MPPS 1.8 lists {changes.get('listed', 35)} instances: {expected}"


def test_a_step_in_progress_is_told_with_every_list() -> None:
    other = {**MPPS, "kind": "commitment", "source_uid": "1.9"}
    _, line = evidence_lines({"evidence": [{**MPPS, "unfinished": 1}, other]})
    assert line == "Storage commitment request 1.9 lists 35 instances: 1 procedure step(s) in progress, so quiet time decides"


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        (
            {"state": "requested", "last_error": "2 instances that it names aren't here yet"},
            "35 instances to be verified; 2 inst",
        ),
        (
            {},
            "34 of 35 instances committed, not told after 2 tries, next 2026-01-01T00:05:00.000Z: no peer has the AE title CT_1",
        ),
        ({"state": "reported", "reported_at": "then"}, "34 of 35 instances committed, told then"),
    ],
)
def test_where_a_request_stands(changes: dict[str, Any], expected: str) -> None:
    (line,) = evidence_lines({"commitments": [{**REQUEST, **changes}]})
    assert line.startswith("Commitment asked by CT_1 2026-01-01T00:00:00.000Z: ") and expected in line


def test_results_that_nobody_could_be_told_are_named() -> None:
    (line,) = unreported_lines({"unreported_commitments": [REQUEST]})
    assert line.startswith("  commitment 3 asked by CT_1 (10.0.0.1): 34 of 35")

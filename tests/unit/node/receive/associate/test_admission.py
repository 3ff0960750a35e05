"""Who is admitted."""

from __future__ import annotations

import pytest

from node.receive.associate.admission import UNKNOWN_CALLED, UNKNOWN_CALLING, Admission, Caller, Grant, Reject

HOST = "127.0.0.1"
KNOWN = frozenset({"SCANNER", "PACS"})


@pytest.mark.parametrize(
    ("calling", "called", "expected"),
    [
        ("SCANNER", "WETREAD", None),
        ("SCANNER         ", " WETREAD        ", None),
        ("STRANGER", "WETREAD", UNKNOWN_CALLING),
        ("scanner", "WETREAD", UNKNOWN_CALLING),
        ("", "WETREAD", UNKNOWN_CALLING),
        ("SCANNER", "OTHER", UNKNOWN_CALLED),
        ("STRANGER", "OTHER", UNKNOWN_CALLING),
    ],
)
def test_titles(calling: str, called: str, expected: Reject | None) -> None:
    assert Admission("WETREAD", KNOWN).check(Caller(HOST, calling, called)) == (expected or Grant(calling.strip()))


def test_the_called_title_may_be_left_open() -> None:
    assert Admission("WETREAD", KNOWN, require_called=False).check(Caller(HOST, "PACS", "ANYTHING")) == Grant("PACS")


def test_who_knows_nobody_admits_nobody() -> None:
    assert Admission("WETREAD", frozenset()).check(Caller(HOST, "SCANNER", "WETREAD")) is UNKNOWN_CALLING

"""The status table is total: every code that the receiver can raise has its row, and the rest is a bug of ours."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest
from pynetdicom.status import STORAGE_SERVICE_CLASS_STATUS

import node.receive
from node.receive.dataset.elements import Malformed
from node.receive.store import status
from node.receive.store.status import BUG, TABLE, answer
from storage.base import uids
from storage.base.errors import InputError, PeerError, TransientError

FOLDER = Path(node.receive.__file__).parent
# What is raised on the way of a C-STORE: every module of it, and the check of UIDs that it shares.
WAY = [*(path for room in ("store", "dataset", "spool") for path in (FOLDER / room).glob("*.py")), Path(uids.__file__)]
ANSWERED = ("PeerError", "TransientError", "Malformed")


def raised_codes() -> set[str]:
    """Every ``code=`` given to an error that a C-STORE may end with, and the code of those that give none."""
    codes = {Malformed.code}
    for path in WAY:
        for call in (n for n in ast.walk(ast.parse(path.read_text())) if isinstance(n, ast.Call)):
            if getattr(call.func, "id", "") in ANSWERED:
                values = [k.value for k in call.keywords if k.arg == "code"]
                codes |= {str(c.value) for value in values for c in ast.walk(value) if isinstance(c, ast.Constant)}
    return codes | {"no-space", "spool"}  # these two are chosen by errno


def test_every_code_that_can_be_raised_has_its_row() -> None:
    codes = raised_codes()
    assert {"bad-uid", "truncated", "missing-uid", "stopping", "dataset-mismatch"} <= codes
    assert codes - set(TABLE) == set()


def test_every_row_can_be_raised_or_is_kept_for_policy() -> None:
    assert set(TABLE) - raised_codes() == {"not-allowed", BUG}


@pytest.mark.parametrize("code", TABLE)
def test_rows_are_as_the_standard_has_them(code: str) -> None:
    row = TABLE[code]
    assert row.status in STORAGE_SERVICE_CLASS_STATUS
    assert STORAGE_SERVICE_CLASS_STATUS[row.status][0] == "Failure"
    assert 0 < len(row.comment) <= 64 and row.comment.isascii()


def test_the_codes_of_the_network_library_s_own_failures_are_not_ours() -> None:
    assert {row.status for row in TABLE.values()}.isdisjoint({0xC001, 0xC002, 0xC210, 0xC211, 0x0110})


@pytest.mark.parametrize(
    ("error", "expected"),
    [
        (TransientError("x", code="no-space"), 0xA700),
        (TransientError("x", code="spool"), 0xA700),
        (PeerError("x", code="dataset-mismatch"), 0xA900),
        (Malformed("x"), 0xC000),
        (PeerError("x", code="bad-uid"), 0x0117),
        (PeerError("x", code="not-negotiated"), 0x0122),
        (PeerError("x", code="not-allowed"), 0x0124),
        (PeerError("x", code="never heard of"), 0xC0FF),
        (InputError("x"), 0xC0FF),
        (ZeroDivisionError(), 0xC0FF),
        (MemoryError(), 0xC0FF),
    ],
)
def test_answers(error: Exception, expected: int) -> None:
    assert answer(error).status == expected


def test_the_offending_element_is_told_and_the_error_s_text_is_not() -> None:
    found = answer(Malformed("Doe^Jane", code="truncated", tag=0x7FE00010))
    assert (found.offending, found.comment) == (0x7FE00010, TABLE["truncated"].comment)
    assert answer(ValueError("Doe^Jane")).comment == TABLE[status.BUG].comment

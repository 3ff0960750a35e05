"""What an A-ASSOCIATE-RQ may hold is counted before anything is made of it."""

from __future__ import annotations

import struct

import pytest

from node.receive.fast.pdata import ProtocolError
from node.receive.fast.requests import MOST_USER_ITEMS, check_request
from tests.support.attacker import CT, EXPLICIT, associate_rq, item, user_identity

USER = item(0x50, item(0x51, struct.pack(">I", 16384)))


def check(request: bytes) -> None:
    check_request(memoryview(request)[6:])


def test_a_full_request_is_taken() -> None:
    syntaxes = [f"1.2.840.10008.1.2.4.{n}" for n in range(60)]
    check(associate_rq([(2 * n + 1, f"{CT}.{n}", syntaxes) for n in range(128)], user_items=user_identity("a", "b")))


@pytest.mark.parametrize(
    ("request_", "problem"),
    [
        (associate_rq([(1, CT, (EXPLICIT,))] * 129), "more presentation contexts"),
        (associate_rq([(1, CT, (EXPLICIT,) * 65)]), "too many transfer syntaxes"),
        (associate_rq(user_items=item(0x99, b"") * MOST_USER_ITEMS), "too many user information items"),
        (associate_rq() + USER, "not one user information item"),
        (associate_rq()[:74], "not one user information item"),
        (associate_rq() + item(0x10, b"1.2.3"), "more than one application context"),
        (associate_rq()[:-1], "longer than what holds it"),
    ],
)
def test_too_much_is_refused(request_: bytes, problem: str) -> None:
    with pytest.raises(ProtocolError, match=problem):
        check(request_)

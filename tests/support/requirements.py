"""What a test needs from the machine: absent, it skips and says what is missing; under WETREAD_REQUIRE it fails.

``WETREAD_REQUIRE=data,peers`` is how a machine that must have both is kept from passing by skipping.
"""

from __future__ import annotations

import os
from typing import NoReturn

KINDS = ("data", "peers", "postgres")


def missing(kind: str, what: str) -> NoReturn:
    """Skip the running test because ``what`` is missing, or fail where ``kind`` is required."""
    import pytest

    assert kind in KINDS
    if kind in required():
        pytest.fail(f"{what} (WETREAD_REQUIRE asks for {kind})", pytrace=False)
    pytest.skip(what)


def required() -> frozenset[str]:
    """The kinds that WETREAD_REQUIRE names."""
    kinds = frozenset(filter(None, os.environ.get("WETREAD_REQUIRE", "").replace(" ", "").split(",")))
    if unknown := kinds - set(KINDS):
        raise ValueError(f"WETREAD_REQUIRE: {', '.join(sorted(unknown))}: unknown; known: {', '.join(KINDS)}")
    return kinds

"""The state tables: which state may follow which. Pure; every UPDATE of a state column asks ``check_move`` first.

Job::

    ready ──> inferring ──> inferred ──> reporting ──> done
      ^            │            ^             │
      │            ├── infra ──>│ready        ├── infra ──> inferred
      │            └──> refused | failed | dead | cancelled <──┘      (ready and inferred may be cancelled too)
      └──────── a person's retry, from refused | failed | dead | cancelled

Delivery::     pending <──> sending ──> delivered          sending ──> failed ──> pending (a person's retry)
Package::      active <──> quarantined                     active | quarantined ──> retired ──> active
Association::  open ──> released | aborted | lost
Commitment::   requested <──> verifying ──> verified <──> reporting ──> reported | failed
               verified | failed ──> reported (the requester fetched it)     reported | failed ──> requested (it asked again)
Step::         in-progress ──> completed | discontinued

Invariants: (1) ``done``, ``delivered`` and the ends of an association and of a procedure step are final. (2) Only ``inferring``,
``reporting``, ``sending`` and ``verifying`` are held under a lease, and only they can lose one. (3) A person's retry starts at
the beginning: it never trusts a prediction of an earlier life.
"""

from __future__ import annotations

from collections.abc import Mapping

from storage.base.errors import WetreadError

StateTable = Mapping[str, frozenset[str]]


class MoveRefused(WetreadError):
    """The row is in a state from which this move isn't allowed."""

    code = "wrong-state"


class LeaseLost(WetreadError):
    """Somebody else owns this row now: its lease ran out, it was cancelled, or it has ended already."""

    code = "lease-lost"


class UnknownRow(WetreadError):
    """There is no such row."""

    code = "unknown"


JOB: StateTable = {
    "ready": frozenset({"inferring", "cancelled"}),
    "inferring": frozenset({"inferred", "refused", "failed", "ready", "dead", "cancelled"}),
    "inferred": frozenset({"reporting", "cancelled"}),
    "reporting": frozenset({"done", "inferred", "refused", "failed", "dead", "cancelled"}),
    "done": frozenset(),
    "refused": frozenset({"ready"}),
    "failed": frozenset({"ready"}),
    "dead": frozenset({"ready"}),
    "cancelled": frozenset({"ready"}),
}

DELIVERY: StateTable = {
    "pending": frozenset({"sending"}),
    "sending": frozenset({"delivered", "pending", "failed"}),
    "delivered": frozenset(),
    "failed": frozenset({"pending"}),
}

PACKAGE: StateTable = {
    "active": frozenset({"quarantined", "retired"}),
    "quarantined": frozenset({"active", "retired"}),
    "retired": frozenset({"active"}),
}

ASSOCIATION: StateTable = {
    "open": frozenset({"released", "aborted", "lost"}),
    "released": frozenset(),
    "aborted": frozenset(),
    "lost": frozenset(),
}

COMMITMENT: StateTable = {
    "requested": frozenset({"verifying"}),
    "verifying": frozenset({"verified", "requested"}),
    "verified": frozenset({"reporting", "reported"}),
    "reporting": frozenset({"reported", "verified", "failed"}),
    "reported": frozenset({"requested"}),
    "failed": frozenset({"reported", "requested"}),
}

PROCEDURE_STEP: StateTable = {
    "in-progress": frozenset({"completed", "discontinued"}),
    "completed": frozenset(),
    "discontinued": frozenset(),
}

TABLES: Mapping[str, StateTable] = {
    "job": JOB,
    "delivery": DELIVERY,
    "model_package": PACKAGE,
    "association": ASSOCIATION,
    "commitment": COMMITMENT,
    "procedure_step": PROCEDURE_STEP,
}
"""State table by name of the database table that has the ``state`` column."""

JOB_ENDS = frozenset({"done", "refused", "failed", "dead", "cancelled"})
"""States in which nothing more happens to a job unless a person asks."""


def check_move(table: StateTable, a: str, b: str) -> None:
    """Refuse a move from state ``a`` to state ``b`` that the table doesn't list.

    Raises
    ------
    MoveRefused
        Code ``wrong-state``; also when ``a`` is no state of the table.
    """
    if b not in table.get(a, frozenset()):
        raise MoveRefused(f"can't go from {a} to {b}", came_from=a, wanted=b)

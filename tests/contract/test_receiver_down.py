"""While a receiver is down nobody can send: no Study that it brought part of is complete for being quiet then."""

from __future__ import annotations

from typing import Literal

import pytest

from storage import intake
from storage.schema import Job, Revision
from tests.contract.test_routing import Node, node
from tests.support.seeds import STUDY, open_association

__all__ = ["node"]  # the fixture


def life(node: Node, change: Literal["started", "stopped"], boot: int, receiver: str = "r") -> None:
    """The receiver says that a life of it began or ended."""
    note = intake.note_receiver_started if change == "started" else intake.note_receiver_stopped
    with node.db.write() as s:
        note(s, receiver, boot, node.clock.utc())


@pytest.mark.parametrize("router_restarts", [True, False])
def test_a_receiver_that_was_stopped_for_longer_than_the_quiet_time_completes_nothing(node: Node, router_restarts: bool) -> None:
    """Its sender had released each association in order, and could not send the rest while it was down."""
    life(node, "started", 1)
    node.send()
    assert node.wait(2) == 0
    life(node, "stopped", 1)
    assert node.wait(3600, step=60) == 0
    if router_restarts:
        node.restart()
        assert node.sweep() == 0, "the router may well be up before the receiver"
    life(node, "started", 2)
    assert node.wait(4) == 0
    node.send(count=4)
    assert node.wait(4) == 0
    assert node.wait(2) == 1
    assert (node.count(Revision), node.count(Job)) == (1, 1)


def test_a_worker_that_dies_holds_up_only_what_it_brought(node: Node) -> None:
    with node.db.write() as s:
        open_association(s, "of-another", receiver="r-2")
        intake.note_association_closed(s, uid="of-another", end="released", at=node.clock.utc())
    life(node, "started", 1)
    node.send()
    node.send(study="1.2.9", association_uid="of-another")
    assert node.wait(4) == 0
    life(node, "started", 2)
    assert node.wait(2) == 1
    assert [facts["study_instance_uid"] for facts in node.told("study.first-instance")] == [STUDY, "1.2.9"]
    assert node.wait(4) == 1

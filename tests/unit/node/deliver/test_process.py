"""Two loops in one process end together, whichever ends first."""

from __future__ import annotations

from threading import Event

import pytest

from node.deliver.process import beside


def test_the_one_beside_is_told_to_stop_and_waited_for() -> None:
    stop, ended = Event(), Event()

    def run(told: Event) -> None:
        told.wait(10)
        ended.set()

    with beside(run, stop):
        assert not ended.is_set()
    assert stop.is_set() and ended.is_set()


def test_a_bug_beside_ends_the_process() -> None:
    stop = Event()

    def run(_: Event) -> None:
        raise RuntimeError("a bug")

    with pytest.raises(RuntimeError, match="a bug"), beside(run, stop):
        assert stop.wait(10), "the block learns of it"

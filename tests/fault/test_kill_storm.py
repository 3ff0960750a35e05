"""What was acknowledged outlives kill -9 of the receiving processes, however often. The large one is `tests.fault.kill_storm`."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.fault.kill_storm import Receiver, Storm, run_storm
from tests.support.ports import wait_until_listening


@pytest.mark.parametrize(
    "storm",
    [
        Storm(kills=20, seed=11),
        pytest.param(Storm(kills=1000), marks=[pytest.mark.slow, pytest.mark.timeout(3600)]),
    ],
    ids=["20", "1000"],
)
def test_a_storm_of_kills_breaks_no_promise(tmp_path: Path, storm: Storm) -> None:
    summary = run_storm(tmp_path, storm)
    assert summary.broken == {}, summary
    assert summary.kills_of_workers + summary.kills_of_masters == storm.kills
    assert summary.acknowledged > storm.kills and summary.sent_again > 0


def test_a_receiver_that_is_told_to_stop_before_it_works_ends_well(tmp_path: Path) -> None:
    receiver = Receiver(tmp_path, workers=2)
    receiver.start(works=False)
    assert wait_until_listening(receiver.port)  # which it does before its workers do anything
    receiver.stop()  # raises unless its exit status is 0

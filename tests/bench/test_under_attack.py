"""How long a good peer waits for its C-ECHO, with a whole association each, while another peer misbehaves."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from tests.bench.conftest import Sizes
from tests.bench.contest import Report, Row
from tests.bench.receivers import wetread
from tests.support.attacks import ATTACKS, good_echo, under_attack

pytestmark = [pytest.mark.slow, pytest.mark.timeout(1800)]

GOAL_S = 1.0
PAUSE_S = 0.02


def test_echo_of_a_good_peer(tmp_path: Path, sizes: Sizes, report: Report) -> None:
    quiet_s = []
    with wetread()(tmp_path / "node") as receiver:
        quiet_s = [good_echo(receiver.peer.port) for _ in range(50)]
        report.add(Row("p99 of C-ECHO, no attack", "ms", 1000 * sorted(quiet_s)[-1]))
        for name in ATTACKS:
            with under_attack(name, receiver.peer.port, receiver.pid, PAUSE_S) as seen:
                time.sleep(sizes.attack_s)
            assert seen.seconds
            work = f"p99 of C-ECHO under {name}, {len(seen.seconds)} echoes, +{seen.growth_bytes / 1e6:.0f} MB"
            report.add(Row(work, "ms", 1000 * seen.percentile_s(99), limit=1000 * GOAL_S))

"""What no peer does and what still must not hurt: many open descriptors, a wall clock that jumps."""

from __future__ import annotations

import time
from pathlib import Path

from tests.support.attacker import RawPeer
from tests.support.attacks import good_echo
from tests.support.besieged import besieged
from tests.support.receiver import held
from tests.unit.node.receive.encoding import encoded, identified

DAY_S = 86_400.0
SELECT_LIMIT = 1024


def test_descriptors_above_what_select_can(tmp_path: Path) -> None:
    with besieged(tmp_path, descriptors=SELECT_LIMIT + 50) as receiver:
        with RawPeer(receiver.port) as peer:
            assert peer.negotiate() == 2
            assert peer.echo() == 0
            assert peer.store(encoded(identified("1.2.3.9")), "1.2.3.9") == 0
            assert peer.release()
        assert [one.record.sop_instance_uid for folder in receiver.folders for one in held(folder)] == ["1.2.3.9"]


def test_no_deadline_follows_the_wall_clock(tmp_path: Path) -> None:
    """An NTP step ends no association, neither one that is idle nor one whose request is on its way."""
    with besieged(tmp_path) as receiver:
        with RawPeer(receiver.port) as idle, RawPeer(receiver.port) as slow:
            assert idle.negotiate() == 2
            for offset_s in (DAY_S, -DAY_S, 0.0):
                receiver.jump(offset_s)
                time.sleep(0.3)
                assert idle.echo() == 0
                assert idle.store(encoded(identified(f"1.2.3.{int(DAY_S + offset_s)}")), f"1.2.3.{int(DAY_S + offset_s)}") == 0
                assert good_echo(receiver.port) < 10
            assert slow.negotiate() == 2
            assert idle.release() and slow.release()
        assert len([one for folder in receiver.folders for one in held(folder)]) == 3
        assert '"level": "error"' not in receiver.log.read_text()

"""One receiver for all hostile peers: what one of them does to it, the next must not feel."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.support.attacks import good_echo
from tests.support.besieged import Besieged, besieged

DEADLINE_S = 2.0
_LISTEN = {"request_s": DEADLINE_S, "most_waiting": 100, "max_per_host": 20}
_LIMITS = {"request_s": DEADLINE_S, "pdu_s": DEADLINE_S, "send_s": DEADLINE_S, "linger_s": 0.5}


@pytest.fixture(scope="session")
def receiver(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Besieged]:
    """Two workers, short deadlines, quotas; its log holds no error at the end."""
    with besieged(tmp_path_factory.mktemp("besieged"), processes=2, listen=_LISTEN, limits=_LIMITS) as running:
        for _ in range(10):
            good_echo(running.port)
        yield running
        assert '"C0FF"' not in running.log.read_text()
        assert '"level": "error"' not in running.log.read_text()

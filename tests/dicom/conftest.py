"""Receivers on each network path: what is tested of one holds for the other."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import cast, get_args

import pytest

from node.receive.pool.config import PathName
from tests.support.receiver import RunningReceiver, receiver_config, running_receiver


@pytest.fixture(params=get_args(PathName))
def path(request: pytest.FixtureRequest) -> PathName:
    """The network path of this run of a test."""
    return cast(PathName, request.param)


@pytest.fixture
def receiver(tmp_path: Path, path: PathName) -> Iterator[RunningReceiver]:
    """A receiver that knows one scanner."""
    spool = tmp_path / "spool"
    with running_receiver(spool, receiver_config(spool, path=path)) as running:
        yield running

"""Fixtures that any test may ask for, and the markers that follow from asking."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import settings

from tests.support import data, peers, requirements, torchvision_oracle

# The same examples in every run; `pytest --hypothesis-profile=default tests/property` looks for others.
settings.register_profile("repeatable", derandomize=True)
settings.load_profile("repeatable")

# Fixture -> the marker of every test that asks for it, so that `-m "not peers"` needs no marks in the tests.
MARKED_BY = {"test_data": "data", "orthanc": "peers", "dcmqrscp": "peers", "storescp": "peers", "torchvision": "peers"}


def pytest_configure(config: pytest.Config) -> None:
    """Refuse a misspelt WETREAD_REQUIRE before a run that would require nothing."""
    try:
        requirements.required()
    except ValueError as error:
        raise pytest.UsageError(str(error)) from None


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        for fixture in getattr(item, "fixturenames", ()):
            if fixture in MARKED_BY:
                item.add_marker(MARKED_BY[fixture])


@pytest.fixture(scope="session")
def test_data() -> Path:
    """The folder of real data."""
    return data.data_dir()


@pytest.fixture
def orthanc(tmp_path: Path) -> Iterator[peers.OrthancPeer]:
    """A fresh Orthanc; tests that need callbacks start their own by `tests.support.peers`."""
    with peers.orthanc(tmp_path / "orthanc") as peer:
        yield peer


@pytest.fixture
def dcmqrscp(tmp_path: Path) -> Iterator[peers.Peer]:
    """A fresh DCMTK archive."""
    with peers.dcmqrscp(tmp_path / "dcmqrscp") as peer:
        yield peer


@pytest.fixture
def storescp(tmp_path: Path) -> Iterator[peers.Peer]:
    """A fresh DCMTK receiver."""
    with peers.storescp(tmp_path / "storescp") as peer:
        yield peer


@pytest.fixture(scope="session")
def torchvision() -> torchvision_oracle.Torchvision:
    """torchvision's own code of detection, to compare ours with."""
    return torchvision_oracle.load()

"""What the receiver's benchmarks share: their sizes, their data, and the report printed at the end."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass

import pytest

from tests.bench.contest import Report
from tests.bench.objects import Batch, ct_batch, large_batch


@dataclass(frozen=True)
class Sizes:
    """How much is sent and how often; README.md says what each is for."""

    ct: int = 400
    small: int = 300
    large_bytes: int = 2 * 10**9
    single: int = 200
    repeats: int = 3
    curve: tuple[int, ...] = (1, 2, 4, 8, 16, 32, 64)
    attack_s: float = 3.0


SIZES = {
    "quick": Sizes(40, 60, 10**8, 20, 1, (1, 4, 16), 1.0),
    "default": Sizes(),
    "full": Sizes(single=2000, repeats=5, attack_s=20.0),
}


@pytest.fixture(scope="session")
def sizes() -> Sizes:
    """The sizes that the environment variable BENCH names."""
    return SIZES[os.environ.get("BENCH", "default")]


@pytest.fixture(scope="session")
def ct(sizes: Sizes, tmp_path_factory: pytest.TempPathFactory) -> Batch:
    """CT slices of 512 KiB."""
    return ct_batch(tmp_path_factory.mktemp("data") / "ct", sizes.ct, 512)


@pytest.fixture(scope="session")
def small(sizes: Sizes, tmp_path_factory: pytest.TempPathFactory) -> Batch:
    """Slices of 8 KiB."""
    return ct_batch(tmp_path_factory.mktemp("data") / "small", sizes.small, 64)


@pytest.fixture(scope="session")
def single(sizes: Sizes, tmp_path_factory: pytest.TempPathFactory) -> Batch:
    """Slices of 8 KiB that are sent one association each."""
    return ct_batch(tmp_path_factory.mktemp("data") / "single", sizes.single, 64)


@pytest.fixture(scope="session")
def large(sizes: Sizes, tmp_path_factory: pytest.TempPathFactory) -> Batch:
    """One instance of 2 GB."""
    return large_batch(tmp_path_factory.mktemp("data") / "large", sizes.large_bytes)


@pytest.fixture(scope="session")
def report() -> Iterator[Report]:
    """The rows of this run; the table is printed when all benchmarks are done."""
    found = Report()
    yield found
    found.print("Wetread's receiver beside its peers")

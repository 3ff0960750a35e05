"""One thread, as the tiny tasks are quickest, and no operation without a repeatable result."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
import torch


@pytest.fixture(autouse=True)
def _repeatable() -> Iterator[None]:
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    torch.set_deterministic_debug_mode("error")  # use_deterministic_algorithms imports torch's compiler, seconds of it
    yield
    torch.set_deterministic_debug_mode("default")
    torch.set_num_threads(threads)

"""One thread for tests on tiny tensors, where a second one only costs waiting for it.

A test module takes it by ``_one_thread = pytest.fixture(scope="module", autouse=True)(one_thread)``.
"""

from __future__ import annotations

from collections.abc import Iterator

import torch


def one_thread() -> Iterator[None]:
    """torch's operations run on one thread until the generator goes on."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)

"""What every test of training has: one thread, and phantoms that are painted once."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache

import pytest
import torch

from training.data.sources import phantoms
from training.phantom.body import Phantom, make_phantom


@pytest.fixture(autouse=True)
def _one_thread() -> Iterator[None]:
    """Tiny networks gain nothing from a second thread and lose much to waiting for it."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)
    torch.set_deterministic_debug_mode("default")  # use_deterministic_algorithms imports torch's compiler, seconds of it


@pytest.fixture(autouse=True, scope="session")
def _painted_once() -> Iterator[None]:
    """A case is painted whenever it is read, which for tiny phantoms takes longer than to learn from them."""
    painted = cache(make_phantom)

    def copied(seed: int, size_kji: tuple[int, int, int], spacing_mm_kji: tuple[float, float, float]) -> Phantom:
        one = painted(seed, size_kji, spacing_mm_kji)
        return Phantom(one.voxels_kji.copy(), one.labels_kji.copy(), one.affine_lps_mm.copy())

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(phantoms, "make_phantom", copied)
        yield

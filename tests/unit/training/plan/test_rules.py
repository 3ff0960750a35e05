from __future__ import annotations

import math

from hypothesis import given, settings
from hypothesis import strategies as st

from training.plan.fingerprint import Fingerprint
from training.plan.rules import batch_for, channels_for, levels_for, rounded_up, shape_on, shrunk, target_spacing


def _found(shape: tuple[int, ...], spacing: tuple[float, ...], low: tuple[float, ...] | None = None) -> Fingerprint:
    size = tuple(n * s for n, s in zip(shape, spacing, strict=True))
    return Fingerprint(20, shape, spacing, low or spacing, size, (0.0, 1.0, 0.5, 0.2), 1)


def test_spacing_is_the_median_but_for_thick_slices() -> None:
    assert target_spacing(_found((100, 200, 200), (1.5, 1.0, 1.0))) == (1.5, 1.0, 1.0)
    thick = _found((20, 300, 300), (6.0, 0.8, 0.8), low=(4.0, 0.7, 0.7))
    assert target_spacing(thick) == (4.0, 0.8, 0.8)  # the tenth percentile along the thick axis alone
    assert target_spacing(_found((200, 300, 300), (6.0, 0.8, 0.8), low=(4.0, 0.7, 0.7)))[0] == 6.0  # thick, but many slices
    assert shape_on((2.0, 2.0, 2.0), _found((100, 50, 50), (1.0, 2.0, 4.0))) == (50, 50, 100)


def test_depth_follows_the_shortest_axis_and_widths_double_up_to_a_cap() -> None:
    assert [levels_for((n, 400, 400), 3) for n in (4, 8, 16, 40, 64, 500)] == [2, 2, 3, 4, 5, 6]
    assert channels_for(6, 3) == [32, 64, 128, 256, 320, 320] and channels_for(3, 2, 8) == [8, 16, 32]


@settings(max_examples=60, deadline=None)
@given(
    shape=st.lists(st.integers(8, 300), min_size=2, max_size=3),
    halvings=st.integers(1, 4),
    limit=st.integers(1_000, 3_000_000),
)
def test_a_shrunk_patch_fits_stays_a_multiple_and_is_never_smaller_than_one_step(
    shape: list[int], halvings: int, limit: int
) -> None:
    multiple = 2**halvings
    start = rounded_up(shape, multiple)
    patch = shrunk(start, shape, multiple, lambda size: math.prod(size) <= limit)
    assert all(n % multiple == 0 and multiple <= n <= most for n, most in zip(patch, start, strict=True))
    assert math.prod(patch) <= limit or set(patch) == {multiple}
    if math.prod(start) <= limit:
        assert patch == start


def test_batches_are_two_at_least_and_never_see_much_of_the_data_at_once() -> None:
    assert batch_for((32, 32), (64, 64), 10, lambda batch: True, 2, per_case=False) == 2
    assert batch_for((32, 32), (64, 64), 1000, lambda batch: True, 2, per_case=False) == 32
    assert batch_for((32, 32), (64, 64), 1000, lambda batch: batch <= 8, 2, per_case=False) == 8
    assert batch_for((32, 32), (32, 32), 100, lambda batch: True, 2, per_case=True) == 4
    assert batch_for((8, 8, 8), (64, 64, 64), 1000, lambda batch: True, 3, per_case=False) == 8

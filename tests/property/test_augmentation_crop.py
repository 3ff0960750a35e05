"""Equation 1 of the review, I' = I[x:x+w, y:y+h]: x and w along columns, y and h along rows."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.support.threads import one_thread
from tests.unit.training.augment.small import noise_case, seeded, small_recipe
from training.augment import crop, draw_samples

_one_thread = pytest.fixture(scope="module", autouse=True)(one_thread)

sides = st.integers(1, 9)


@settings(max_examples=40, deadline=None)
@given(rows=sides, columns=sides, data=st.data())
def test_a_crop_is_a_slice_of_rows_and_columns(rows: int, columns: int, data: st.DataObject) -> None:
    image = torch.randn((2, rows, columns))
    y, x = data.draw(st.integers(0, rows - 1)), data.draw(st.integers(0, columns - 1))
    h, w = data.draw(st.integers(1, rows - y)), data.draw(st.integers(1, columns - x))
    assert torch.equal(crop(image, (y, x), (h, w)), image[:, y : y + h, x : x + w])


@settings(max_examples=40, deadline=None)
@given(size=st.tuples(sides, sides, sides), start=st.tuples(*[st.integers(-12, 12)] * 3), extent=st.tuples(sides, sides, sides))
def test_what_a_window_has_beyond_the_volume_is_zero(
    size: tuple[int, int, int], start: tuple[int, int, int], extent: tuple[int, int, int]
) -> None:
    volume = torch.randn(size)
    framed = torch.zeros([n + 48 for n in size])
    framed[tuple(slice(24, 24 + n) for n in size)] = volume
    wanted = framed[tuple(slice(s + 24, s + 24 + n) for s, n in zip(start, extent, strict=True))]
    assert torch.equal(crop(volume, start, extent), wanted)


@settings(max_examples=30, deadline=None)
@given(size=st.tuples(*[st.integers(6, 14)] * 2) | st.tuples(*[st.integers(4, 9)] * 3), seed=st.integers(0, 999))
def test_without_rules_a_patch_is_a_slice_bit_for_bit(size: tuple[int, ...], seed: int) -> None:
    case, patch = noise_case(size, seed), tuple(n - n % 3 for n in size)
    batch = draw_samples([case], small_recipe({}, patch), [seeded(seed)])
    start = [int(n) for n in batch.geometries[0].matrix[:-1, -1]]
    part = tuple(slice(s, s + n) for s, n in zip(start, patch, strict=True))
    assert all(0 <= s <= n - p for s, n, p in zip(start, size, patch, strict=True))
    assert torch.equal(batch.images[0], case.image[(slice(None), *part)])
    assert torch.equal(batch.targets[0], case.mask[part].long())


def test_every_place_is_drawn() -> None:
    case = noise_case((7, 9))
    recipe = small_recipe({}, (4, 4))
    starts = {tuple(draw_samples([case], recipe, [seeded(n)]).geometries[0].matrix[:-1, -1].tolist()) for n in range(300)}
    assert starts == {(float(y), float(x)) for y in range(4) for x in range(6)}

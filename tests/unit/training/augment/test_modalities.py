from __future__ import annotations

import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Generator, Tensor

from storage.base.errors import ConfigError, InputError
from training.augment.modalities import drop_modalities

SHARES = st.lists(st.sampled_from([0.0, 0.2, 0.5, 0.9, 1.0]), min_size=2, max_size=4)


def _seeded(first: int, count: int) -> list[Generator]:
    return [Generator().manual_seed(seed) for seed in range(first, first + count)]


def _ones(cases: int, count: int) -> Tensor:
    return torch.ones((cases, count, 1, 2))


@settings(max_examples=60, deadline=None)
@given(shares=SHARES, seed=st.integers(0, 2**31), data=st.data())
def test_something_is_always_left_and_nothing_comes_back(shares: list[float], seed: int, data: st.DataObject) -> None:
    count = len(shares)
    rows = st.lists(st.booleans(), min_size=count, max_size=count).filter(any)
    there = torch.tensor(data.draw(st.lists(rows, min_size=1, max_size=5)))
    images, flags = drop_modalities(_ones(len(there), count), there, shares, _seeded(seed, len(there)))
    assert flags.dtype == torch.bool and bool(flags.any(1).all()) and not bool((flags & ~there).any())
    assert torch.equal(images[..., 0, 0] == 1, flags) and torch.equal(images[..., 0, 0] == 0, ~flags)
    for before, after in zip(there.tolist(), flags.tolist(), strict=True):
        certain = [had and share == 0 for had, share in zip(before, shares, strict=True)]
        assert all(kept for kept, sure in zip(after, certain, strict=True) if sure)
        hopeless = [had and share == 1 for had, share in zip(before, shares, strict=True)]
        if any(had and not lost for had, lost in zip(before, hopeless, strict=True)) and sum(after) > 1:
            assert not any(kept for kept, lost in zip(after, hopeless, strict=True) if lost)


@settings(max_examples=20, deadline=None)
@given(shares=SHARES, seed=st.integers(0, 2**31))
def test_a_case_depends_on_its_own_generator_alone(shares: list[float], seed: int) -> None:
    count, images = len(shares), torch.randn((3, len(shares), 2, 2))
    generators = _seeded(seed, 3)
    mixed, flags = drop_modalities(images, None, shares, generators)
    for case in range(3):
        alone, own = drop_modalities(images[case : case + 1], None, shares, _seeded(seed + case, 1))
        assert torch.equal(own[0], flags[case]) and torch.equal(alone[0], mixed[case])
    unmoved = _seeded(seed, 3)
    drop_modalities(images, None, [0.0] * count, unmoved)
    assert all(torch.equal(a.get_state(), b.get_state()) for a, b in zip(generators, unmoved, strict=True))


def test_how_often_is_as_told() -> None:
    shares, cases = (0.5, 0.2, 0.6), 4000
    flags = drop_modalities(_ones(cases, 3), None, shares, _seeded(7, cases))[1]
    for modality, share in enumerate(shares):
        expected = share - math.prod(shares) / 3
        spread = math.sqrt(expected * (1 - expected) / cases)
        assert abs(float((~flags[:, modality]).float().mean()) - expected) < 4 * spread


def test_where_all_would_go_each_stays_as_often() -> None:
    flags = drop_modalities(_ones(3000, 3), None, (1, 1, 1), _seeded(3, 3000))[1]
    assert bool((flags.sum(1) == 1).all()) and bool((flags.float().mean(0) - 1 / 3).abs().max() < 0.04)


def test_what_an_absent_channel_held_is_gone() -> None:
    images = torch.full((1, 2, 2, 2), float("nan"))
    images[:, 0] = 3
    found, flags = drop_modalities(images, torch.tensor([[True, False]]), (0.9, 0.0), _seeded(1, 1))
    assert flags.tolist() == [[True, False]] and torch.equal(found[0, 1], torch.zeros(2, 2)) and bool((found[0, 0] == 3).all())


@pytest.mark.parametrize("shares", [(0.5,), (0.5, 1.1), (-0.1, 0.5), (float("nan"), 0.5)])
def test_wrong_shares_are_named(shares: tuple[float, ...]) -> None:
    with pytest.raises(ConfigError, match="aren't 2 numbers from 0 to 1, one for each modality"):
        drop_modalities(_ones(1, 2), None, shares, _seeded(1, 1))


def test_a_case_without_any_is_refused() -> None:
    with pytest.raises(InputError, match="none of its modalities"):
        drop_modalities(_ones(1, 2), torch.tensor([[False, False]]), (0.5, 0.5), _seeded(1, 1))

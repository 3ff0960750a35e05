"""A sample follows from its case and its generator alone: not from its neighbours, and never with labels made up."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.support.threads import one_thread
from tests.unit.training.augment.small import EVERYTHING, noise_case, seeded, small_recipe
from training.augment import draw_batch, draw_samples, geometry_of

_one_thread = pytest.fixture(scope="module", autouse=True)(one_thread)

SIZES: dict[int, list[tuple[int, ...]]] = {2: [(13, 17), (9, 21), (16, 16)], 3: [(7, 9, 11), (10, 6, 8), (8, 8, 8)]}
PATCHES: dict[int, tuple[int, ...]] = {2: (11, 13), 3: (7, 8, 9)}


@settings(max_examples=25, deadline=None)
@given(dims=st.sampled_from([2, 3]), seed=st.integers(0, 10**6))
def test_alone_and_among_others_a_sample_is_the_same_to_the_last_bit(dims: int, seed: int) -> None:
    cases = [noise_case(size, seed + n) for n, size in enumerate(SIZES[dims])]
    recipe = small_recipe(EVERYTHING, PATCHES[dims])
    together = draw_batch(cases, recipe, [seeded(seed + n) for n in range(3)])
    for n, case in enumerate(cases):
        image, target = draw_batch([case], recipe, [seeded(seed + n)])
        assert torch.equal(image[0], together[0][n]) and torch.equal(target[0], together[1][n])
        alone = geometry_of(case, recipe, seeded(seed + n)).matrix
        assert np.array_equal(alone, draw_samples([case], recipe, [seeded(seed + n)]).geometries[0].matrix)


@settings(max_examples=25, deadline=None)
@given(dims=st.sampled_from([2, 3]), seed=st.integers(0, 10**6))
def test_labels_are_those_that_were_there_or_pasted(dims: int, seed: int) -> None:
    case = noise_case(SIZES[dims][0], seed)
    case.mask[case.mask == 1] = 0
    rules = {key: value for key, value in EVERYTHING.items() if key != "lesions"}
    _, target = draw_batch([case], small_recipe(rules, PATCHES[dims]), [seeded(seed)])
    assert target.dtype == torch.int64 and set(target.unique().tolist()) <= {0, 2}


@settings(max_examples=15, deadline=None)
@given(dims=st.sampled_from([2, 3]), seed=st.integers(0, 10**6))
def test_without_rules_a_case_of_the_patch_s_size_is_itself(dims: int, seed: int) -> None:
    case = noise_case(PATCHES[dims], seed)
    image, target = draw_batch([case], small_recipe({}, PATCHES[dims]), [seeded(seed)])
    assert torch.equal(image[0], case.image) and torch.equal(target[0], case.mask.long())

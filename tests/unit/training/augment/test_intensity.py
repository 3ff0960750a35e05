from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

from storage.base.errors import ConfigError
from tests.unit.training.augment.small import noise_case, seeded, small_recipe
from training.augment import draw_batch, draw_samples
from training.augment.colour import hue_turn
from training.data.case import GridCase

SIZE = (10, 12)


def _changed(rules: dict[str, Any], seed: int = 3, case: GridCase | None = None) -> tuple[Tensor, Tensor]:
    """The image before and after."""
    case = case or noise_case(SIZE)
    return case.image, draw_batch([case], small_recipe(rules, SIZE), [seeded(seed)])[0][0]


def test_gamma_keeps_the_ends_and_the_order() -> None:
    before, after = _changed({"gamma": [2, 2]})
    low, high = before.min(), before.max()
    assert torch.allclose(after, ((before - low) / (high - low)) ** 2 * (high - low) + low, atol=1e-5)
    assert torch.equal(after.reshape(-1).argsort(), before.reshape(-1).argsort())


def test_inverted_gamma_is_gamma_of_the_negative() -> None:
    before, after = _changed({"gamma": [2, 2], "gamma_invert": 1})
    low, high = before.min(), before.max()
    assert torch.allclose(after, high - ((high - before) / (high - low)) ** 2 * (high - low), atol=1e-5)


@pytest.mark.parametrize(
    "rules", [{"gamma": [0.5, 2]}, {"contrast": [0.5, 2]}, {"speckle": 1.0}, {"coarsen": 1}, {"cutout": 0.5}]
)
def test_a_flat_image_stays_flat(rules: dict[str, Any]) -> None:
    flat = GridCase("flat", torch.full((1, *SIZE), 2.5), torch.zeros(SIZE, dtype=torch.uint8))
    before, after = _changed(rules, case=flat)
    assert torch.allclose(before, after)


def test_contrast_turns_about_the_mean_and_brightness_adds() -> None:
    before, after = _changed({"contrast": [1.5, 1.5]})
    assert torch.allclose(after, (before - before.mean()) * 1.5 + before.mean(), atol=1e-5)
    before, after = _changed({"brightness": 0.4})
    steps = (after - before).reshape(-1)
    assert float(steps.std()) < 1e-6 and 0 < abs(float(steps[0])) <= 0.4


def test_noise_has_at_most_the_strength_asked_for() -> None:
    large = noise_case((64, 64))
    spreads = []
    for seed in range(12):
        after = draw_batch([large], small_recipe({"noise": 0.3}, (64, 64)), [seeded(seed)])[0][0]
        spreads.append(float((after - large.image).std()))
    assert max(spreads) < 0.31 and min(spreads) < 0.15 < max(spreads)


def test_speckle_grows_with_the_brightness_and_leaves_black() -> None:
    ramp = torch.arange(64.0).repeat(1, 64, 1)
    case = GridCase("ramp", ramp, torch.zeros((64, 64), dtype=torch.uint8))
    change = draw_batch([case], small_recipe({"speckle": 0.5}, (64, 64)), [seeded(1)])[0][0] - ramp
    spread = change[0].std(0)
    assert float(spread[0]) == 0 and float(spread[-8:].mean()) > 3 * float(spread[8:16].mean()) > 0


def test_coarsening_takes_detail_and_keeps_the_mean() -> None:
    before, after = _changed({"coarsen": 1, "coarsen_factor": [2, 2]})
    assert float(after.std()) < 0.7 * float(before.std()) and abs(float(after.mean() - before.mean())) < 0.1


def test_cutout_blanks_one_box_with_the_mean_and_leaves_the_target() -> None:
    case = noise_case((32, 32))
    image, target = draw_batch([case], small_recipe({"cutout": 0.5}, (32, 32)), [seeded(5)])
    changed = torch.nonzero(image[0, 0] != case.image[0])
    low, high = changed.amin(0), changed.amax(0) + 1
    assert len(changed) == int((high - low).prod()) > 1 and (high - low).max() <= 16
    assert torch.equal(target[0], case.mask.long())


@pytest.mark.parametrize(
    ("change", "rules"),
    [
        ("gamma", {"gamma": [2, 2]}),
        ("contrast", {"contrast": [2, 2]}),
        ("brightness", {"brightness": 1}),
        ("noise", {"noise": 1}),
        ("speckle", {"speckle": 1}),
        ("mirror", {"mirror_axes": [0, 1]}),
        ("rotate", {"rotate_deg": 40}),
        ("scale", {"scale": [1.5, 2]}),
        ("crop", {"crop": [0.3, 0.4]}),
        ("elastic", {"elastic_voxels": 3}),
    ],
)
def test_a_probability_makes_a_change_rarer(change: str, rules: dict[str, Any]) -> None:
    before, after = _changed({**rules, "probability": {change: 0}})
    assert torch.equal(before, after)
    case, seeds = noise_case(SIZE), [seeded(seed) for seed in range(40)]
    images = draw_batch([case] * 40, small_recipe({**rules, "probability": {change: 0.5}}, SIZE), seeds)[0]
    kept = sum(torch.equal(image, case.image) for image in images)
    assert 8 <= kept <= (32 if change != "mirror" else 36)


def test_switching_one_change_off_leaves_the_others_as_they_were() -> None:
    rules: dict[str, Any] = {"rotate_deg": 30, "scale": [0.8, 1.2], "elastic_voxels": 1, "noise": 0.2, "brightness": 1}
    case = noise_case(SIZE)
    whole = draw_samples([case], small_recipe(rules, SIZE), [seeded(9)])
    quiet = draw_samples([case], small_recipe({**rules, "noise": 0, "scale": [1, 1]}, SIZE), [seeded(9)])
    assert whole.geometries[0].nodes is not None and quiet.geometries[0].nodes is not None
    assert torch.equal(whole.geometries[0].nodes, quiet.geometries[0].nodes)
    plain = draw_samples([case], small_recipe({**rules, "noise": 0}, SIZE), [seeded(9)])
    assert np.array_equal(whole.geometries[0].matrix, plain.geometries[0].matrix)
    assert torch.allclose((whole.images - plain.images).mean(), torch.zeros(()), atol=0.05)


def test_hue_saturation_and_gains_of_colour() -> None:
    colour = GridCase("colour", torch.rand((3, *SIZE), generator=seeded(1)), torch.zeros(SIZE, dtype=torch.uint8))
    grey = GridCase("grey", torch.rand((1, *SIZE), generator=seeded(2)).expand(3, -1, -1), colour.target)
    assert torch.allclose(*_changed({"hue_deg": 90, "saturation": [0.5, 2]}, case=grey), atol=1e-5)
    before, after = _changed({"hue_deg": 90}, case=colour)
    assert not torch.allclose(before, after, atol=0.01) and torch.allclose(before.mean(0), after.mean(0), atol=1e-5)
    before, after = _changed({"saturation": [0.5, 0.5]}, case=colour)
    mean = before.mean(0)
    assert torch.allclose(after, mean + 0.5 * (before - mean), atol=1e-5)
    before, after = _changed({"channel_gain": [0.5, 2]}, case=colour)
    gains = (after / before).reshape(3, -1)
    assert torch.allclose(gains, gains[:, :1].expand_as(gains), atol=1e-4) and len(set(gains[:, 0].tolist())) == 3


def test_a_hue_turn_of_120_degrees_swaps_the_channels() -> None:
    red_to_green = torch.tensor([[0.0, 0, 1], [1, 0, 0], [0, 1, 0]], dtype=torch.float64)
    assert torch.allclose(hue_turn(120), red_to_green, atol=1e-12)
    assert torch.allclose(hue_turn(40) @ hue_turn(-40), torch.eye(3, dtype=torch.float64), atol=1e-12)


@pytest.mark.parametrize("rules", [{"hue_deg": 10}, {"saturation": [0.5, 1]}, {"channel_gain": [0.5, 1]}])
def test_colour_changes_of_a_grey_image_are_refused_by_key(rules: dict[str, Any]) -> None:
    with pytest.raises(ConfigError, match=rf"augment\.{next(iter(rules))}: needs colour images of 3 channels, these have 1"):
        _changed(rules)

from __future__ import annotations

import re
from typing import Any

import numpy as np
import pytest
import torch
from pydantic import ValidationError

from storage.base.errors import ConfigError
from tests.unit.training.augment.small import noise_case, seeded, small_recipe
from training.augment import draw_batch, draw_samples
from training.augment.geometry import Geometry
from training.data.case import GridCase
from training.recipe.parts.augment import Augment


def test_mirroring_turns_left_and_right_about_half_the_time() -> None:
    case = noise_case((8, 10, 12))
    images, targets = draw_batch([case] * 40, small_recipe({"mirror_axes": [2]}, (8, 10, 12)), [seeded(n) for n in range(40)])
    turned = 0
    for image, target in zip(images, targets, strict=True):
        flipped = torch.equal(image, case.image.flip(3))
        assert flipped or torch.equal(image, case.image)
        assert torch.equal(target, (case.mask.flip(2) if flipped else case.mask).long())
        turned += flipped
    assert 10 <= turned <= 30


def test_scale_is_by_axis_or_alike() -> None:
    case = noise_case((8, 8, 8))
    for alike in (False, True):
        recipe = small_recipe({"scale": [0.5, 2], "scale_alike": alike}, (8, 8, 8))
        factors = draw_samples([case], recipe, [seeded(4)]).geometries[0].linear.diagonal().tolist()
        assert all(0.5 <= factor <= 2 for factor in factors) and len(set(factors)) == (1 if alike else 3)


def test_a_turn_is_rigid_in_millimetres() -> None:
    spacing = torch.diag(torch.tensor([5.0, 1.0, 0.5], dtype=torch.float64))
    recipe = small_recipe({"rotate_deg": 40}, (8, 8, 8), spacing=(5.0, 1.0, 0.5))
    linear = torch.from_numpy(draw_samples([noise_case((8, 8, 8))], recipe, [seeded(1)]).geometries[0].linear.copy())
    in_mm = spacing @ linear @ torch.linalg.inv(spacing)
    assert torch.allclose(in_mm @ in_mm.T, torch.eye(3, dtype=torch.float64), atol=1e-12)
    assert not torch.allclose(linear, torch.eye(3, dtype=torch.float64), atol=0.01)


def test_patches_stay_within_the_shift() -> None:
    case = GridCase("ones", torch.ones((1, 6, 6)), torch.ones((6, 6), dtype=torch.uint8))
    starts = set()
    for seed in range(80):
        batch = draw_samples([case], small_recipe({"shift_voxels": 2}, (6, 6)), [seeded(seed)])
        starts.add(int(batch.geometries[0].matrix[0, 2]))
        assert torch.equal(batch.images[0, 0] == 1, batch.targets[0] == 1) and int(batch.targets.sum()) >= 16
    assert starts == {-2, -1, 0, 1, 2}


@pytest.mark.parametrize("rules", [{}, {"rotate_deg": 1, "scale": [0.999, 1.001]}])
@pytest.mark.parametrize(("outside", "beyond"), [("zero", [0, 0, 0, 0]), ("darkest", [3, 3, 0, 0]), ("edge", [3, 9, 1, 2])])
def test_beyond_a_case_lies_what_is_asked_for(rules: dict[str, Any], outside: str, beyond: list[float]) -> None:
    image, target = torch.full((1, 5, 12), 3.0), torch.ones((5, 12), dtype=torch.uint8)
    image[..., 8:], target[:, 8:] = 9.0, 2
    recipe = small_recipe({**rules, "outside": outside, "shift_voxels": 0}, (15, 32))
    found = draw_samples([GridCase("small", image, target)], recipe, [seeded(2)])
    middle = found.geometries[0].to_patch(torch.tensor([[2.0, 6.0]], dtype=torch.float64)).round().long()[0, 0]
    row, labels = found.images[0, 0, middle], found.targets[0, middle]
    seen = [float(row[0]), float(row[-1]), int(labels[0]), int(labels[-1])]
    assert seen == pytest.approx(beyond, abs=1e-4)


def test_foreground_is_looked_at_as_often_as_asked_for_and_its_classes_alike() -> None:
    target = torch.zeros((60, 60), dtype=torch.uint8)
    target[3:5, 3:5], target[40:55, 40:55] = 1, 2
    case = GridCase("rare", torch.zeros((1, 60, 60)), target)
    generators = [seeded(n) for n in range(120)]
    always = draw_batch([case] * 120, small_recipe({}, (12, 12), foreground_share=1.0), generators)[1]
    seen = [(bool((each == 1).any()), bool((each == 2).any())) for each in always]
    assert all(first or second for first, second in seen)
    assert 35 <= sum(first for first, _ in seen) <= 85
    half = draw_batch([case] * 120, small_recipe({}, (12, 12), foreground_share=0.5), [seeded(n) for n in range(120)])[1]
    assert sum(bool((each > 0).any()) for each in half) < 110
    empty = GridCase("none", torch.zeros((1, 60, 60)), torch.zeros((60, 60), dtype=torch.uint8))
    assert not draw_batch([empty], small_recipe({}, (12, 12), foreground_share=1.0), [seeded(1)])[1].any()


def test_boxes_are_cut_off_at_the_patch_and_say_how_much_is_left() -> None:
    matrix = np.eye(3)
    matrix[:2, 2] = [4.0, 0.0]
    geometry = Geometry((20, 20), (8, 8), matrix)
    boxes = torch.tensor([[2.5, 1.5, 5.5, 5.5], [-0.5, -0.5, 2.5, 2.5]], dtype=torch.float64)
    moved, share = geometry.boxes_to_patch(boxes)
    assert moved[0].tolist() == [-0.5, 1.5, 1.5, 5.5] and share.tolist() == pytest.approx([2 / 3, 0.0])


@pytest.mark.parametrize(
    ("rules", "message"),
    [
        ({"mirror_axes": [2]}, "augment.mirror_axes must be different axes below 2"),
        ({"mirror_axes": [0, 0]}, "augment.mirror_axes must be different axes below 2"),
        ({"lesions": {"probability": 1, "label": 3}}, "augment.lesions: label and inside must be below 3"),
    ],
)
def test_rules_that_do_not_suit_the_grid_are_named(rules: dict[str, Any], message: str) -> None:
    with pytest.raises(ConfigError, match=re.escape(message)):
        draw_batch([noise_case((8, 8))], small_recipe(rules, (8, 8)), [seeded(1)])


def test_a_case_with_other_axes_than_the_patch_is_named() -> None:
    with pytest.raises(ConfigError, match="case case-1 has 3 axes, the patch 2"):
        draw_batch([noise_case((8, 8, 8))], small_recipe({}, (8, 8)), [seeded(1)])


@pytest.mark.parametrize(
    ("rules", "key"),
    [
        ({"scale": [1.2, 0.8]}, "scale"),
        ({"gamma": [0, 1]}, "gamma"),
        ({"crop": [0.5, 1.5]}, "crop"),
        ({"coarsen_factor": [0.5, 2]}, "coarsen_factor"),
        ({"mirror_axes": [3]}, "mirror_axes"),
        ({"probability": {"rotat": 0.5}}, "rotat"),
        ({"probability": {"rotate": 1.5}}, "rotate"),
        ({"lesions": {"probability": 1, "label": 0}}, "label"),
        ({"lesions": {"probability": 1, "label": 1, "count": [0, 0]}}, "count"),
        ({"blur": 1}, "blur"),
    ],
)
def test_a_wrong_rule_is_refused_by_its_key(rules: dict[str, Any], key: str) -> None:
    with pytest.raises(ValidationError, match=key):
        Augment.model_validate(rules)

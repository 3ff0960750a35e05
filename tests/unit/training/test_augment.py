from __future__ import annotations

import torch

from training.augment.patches import draw_patch
from training.fit.trainer import seeded
from training.recipe.augment import Augment

SIZE = (8, 10, 12)


def _case() -> tuple[torch.Tensor, torch.Tensor]:
    image = torch.randn((1, *SIZE), generator=seeded(1))
    target = (image[0] > 0.5).to(torch.uint8)
    return image, target


def test_without_rules_the_patch_is_the_case() -> None:
    image, target = _case()
    patch, labels = draw_patch(image, target, 2, SIZE, Augment(), seeded(2))
    assert torch.allclose(patch, image, atol=1e-4) and torch.equal(labels, target.long())


def test_mirroring_turns_left_and_right_about_half_the_time() -> None:
    image, target = _case()
    rules = Augment(mirror_axes=(2,))
    turned = 0
    for draw in range(40):
        patch, labels = draw_patch(image, target, 2, SIZE, rules, seeded(draw))
        flipped = torch.allclose(patch, image.flip(3), atol=1e-4)
        assert flipped or torch.allclose(patch, image, atol=1e-4)
        assert torch.equal(labels, (target.flip(2) if flipped else target).long())
        turned += flipped
    assert 10 <= turned <= 30


def test_patches_stay_within_the_shift_and_are_zero_outside() -> None:
    image, target = torch.ones((1, 6, 6)), torch.ones((6, 6), dtype=torch.uint8)
    for draw in range(20):
        patch, labels = draw_patch(image, target, 2, (6, 6), Augment(shift_voxels=2), seeded(draw))
        assert int((labels == 1).sum()) >= 16 and float(patch[0][labels == 0].abs().sum()) < 6


def test_labels_follow_the_image_through_everything() -> None:
    """The image is its own label map, so after any turn and bend thresholding it gives the labels again."""
    ball = torch.stack(torch.meshgrid(*[torch.arange(24.0) - 9] * 3, indexing="ij")).square().sum(0) < 49
    rules = Augment(mirror_axes=(0, 1, 2), rotate_deg=30, scale=(0.8, 1.2), shift_voxels=3, elastic_voxels=1.5)
    for draw in range(5):
        patch, labels = draw_patch(ball.float()[None], ball.to(torch.uint8), 2, (16, 16, 16), rules, seeded(draw))
        assert int(labels.sum()) > 200 and torch.equal(patch[0] > 0.5, labels == 1)


def test_same_generator_state_same_patch() -> None:
    image, target = _case()
    rules = Augment(rotate_deg=10, gamma=(0.5, 2), contrast=(0.5, 2), brightness=1, noise=0.5, coarsen=1)
    first, again, other = (draw_patch(image, target, 2, SIZE, rules, seeded(draw))[0] for draw in (7, 7, 8))
    assert torch.equal(first, again) and not torch.equal(first, other) and bool(torch.isfinite(first).all())

from __future__ import annotations

from typing import Any

import pytest
import torch
from pydantic import ValidationError

from storage.base.errors import ConfigError
from training.losses import deep_supervised, make_loss
from training.losses.cross_entropy import cross_entropy
from training.losses.dice import dice_loss, soft_dice_loss
from training.losses.scales import coarser
from training.recipe.parts.loss import Loss


def test_nothing_expected_and_nothing_found_costs_nothing_without_epsilon() -> None:
    certain = torch.tensor([[1.0, 0.0]]).T.view(1, 2, 1).expand(1, 2, 6).clone().requires_grad_()
    empty = torch.zeros((1, 6), dtype=torch.int64)
    loss = soft_dice_loss(certain, empty, epsilon=0)
    loss.backward()
    assert float(loss.detach()) == 0 and certain.grad is not None and not certain.grad.any()
    hedged = torch.tensor([[0.9, 0.1]]).T.view(1, 2, 1).expand(1, 2, 6)
    assert float(soft_dice_loss(hedged, empty, epsilon=0)) == 1
    assert float(soft_dice_loss(hedged, empty, epsilon=1)) == pytest.approx(1 - 1 / 1.6)


def test_a_large_half_precision_volume_is_summed_in_single() -> None:
    logits = torch.zeros((1, 2, 300, 300), dtype=torch.float16)
    target = torch.ones((1, 300, 300), dtype=torch.int64)
    assert float(dice_loss(logits, target, 0, background=False)) == pytest.approx(1 - 2 * 0.5 / 1.5)


def test_classes_without_weight_alone_cost_nothing() -> None:
    assert float(cross_entropy(torch.randn((1, 2, 3)), torch.zeros((1, 3), dtype=torch.int64), (0, 1))) == 0


def test_deep_supervision_weighs_each_resolution_half_as_much_as_the_finer_one() -> None:
    seen: list[tuple[int, ...]] = []

    def told(logits: torch.Tensor, target: torch.Tensor) -> torch.Tensor:
        seen.append(tuple(target.shape))
        return logits.mean()

    scales = [torch.full((2, 3, n, n), float(value)) for n, value in ((8, 1), (4, 2), (2, 4))]
    target = torch.zeros((2, 8, 8), dtype=torch.int64)
    assert float(deep_supervised(told)(scales, target)) == pytest.approx((1 + 2 / 2 + 4 / 4) / 1.75)
    assert seen == [(2, 8, 8), (2, 4, 4), (2, 2, 2)]
    assert float(deep_supervised(told, (1, 0, 3))(scales, target)) == pytest.approx((1 + 12) / 4)
    with pytest.raises(ValueError, match="3 resolutions for 2 weights"):
        deep_supervised(told, (1, 1))(scales, target)


def test_targets_become_coarser_by_the_nearest_voxel() -> None:
    row = torch.arange(8)[None]
    assert coarser(row, (8,)).tolist() == [list(range(8))]
    assert coarser(row, (4,)).tolist() == [[1, 3, 5, 7]]
    assert coarser(torch.arange(9)[None], (3,)).tolist() == [[1, 4, 7]]
    volume = torch.randint(0, 5, (2, 7, 6, 9))
    assert torch.equal(coarser(volume, (7, 2, 3)), volume[:, :, 1::3][..., 1::3])


@pytest.mark.parametrize(
    ("keys", "named"),
    [
        ({"kind": "mse", "class_weights": [1, 2]}, "class_weights have no effect on mse"),
        ({"kind": "dice", "label_smoothing": 0.1}, "label_smoothing has no effect on dice"),
        ({"class_weights": [0, 0]}, "class_weights are all 0"),
        ({"class_weights": [-1, 2]}, "class_weights"),
        ({"kind": "hinge"}, "kind"),
        ({"epsilon": -1}, "epsilon"),
    ],
)
def test_keys_of_no_use_are_refused(keys: dict[str, Any], named: str) -> None:
    with pytest.raises(ValidationError, match=named):
        Loss.model_validate(keys)


def test_weights_of_another_number_of_classes_are_refused() -> None:
    with pytest.raises(ConfigError, match=r"loss\.class_weights: 2 numbers for 3 classes"):
        make_loss(Loss(class_weights=(1, 2)), "segmentation", 3)

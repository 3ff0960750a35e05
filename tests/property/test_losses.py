"""Every loss is finite, with a finite gradient, wherever a network may end up; and a step along its gradient lowers it."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from tests.support.threads import one_thread
from training.losses import make_loss
from training.recipe.parts.loss import Loss

_one_thread = pytest.fixture(scope="module", autouse=True)(one_thread)

LOSSES: list[dict[str, Any]] = [
    {"kind": "dice"},
    {"kind": "dice", "epsilon": 0},
    {"kind": "dice", "epsilon": 0, "background": True, "dice_over": "sample"},
    {"kind": "cross_entropy"},
    {"kind": "cross_entropy", "class_weights": [0, 1, 20], "label_smoothing": 0.1},
    {"kind": "mse"},
    {"kind": "focal"},
    {"kind": "focal", "focal_gamma": 0.5},
    {"kind": "focal", "focal_gamma": 0, "class_weights": [0.1, 1, 2]},
    {"kind": "dice_cross_entropy", "epsilon": 0},
]
SHAPES = {"segmentation": (2, 3, 4, 5), "classification": (6, 3)}


def _case(task: str, seed: int, scale: float, classes: tuple[int, ...]) -> tuple[Tensor, Tensor]:
    generator = torch.Generator().manual_seed(seed)
    shape = SHAPES[task]
    logits = torch.randn(shape, generator=generator).clamp(-1, 1) * scale
    places = torch.randint(0, len(classes), (shape[0], *shape[2:]), generator=generator)
    return logits, torch.tensor(classes)[places]


@settings(max_examples=120, deadline=None)
@given(
    keys=st.sampled_from(LOSSES),
    task=st.sampled_from(["segmentation", "classification"]),
    scale=st.sampled_from([0.0, 1.0, 100.0, 1e4]),
    classes=st.sampled_from([(0,), (1,), (0, 1, 2)]),
    kind=st.sampled_from([torch.float32, torch.float16, torch.bfloat16]),
    seed=st.integers(0, 10**6),
)
def test_finite_for_extreme_logits_empty_targets_and_half_precision(
    keys: dict[str, Any], task: str, scale: float, classes: tuple[int, ...], kind: torch.dtype, seed: int
) -> None:
    values, target = _case(task, seed, scale, classes)
    logits = values.to(kind).requires_grad_()
    loss = make_loss(Loss.model_validate(keys), task, 3)(logits, target)
    loss.backward()
    assert loss.dtype == torch.float32 and bool(loss.isfinite()) and float(loss.detach()) >= 0
    assert logits.grad is not None and bool(logits.grad.isfinite().all())


@settings(max_examples=60, deadline=None)
@given(keys=st.sampled_from(LOSSES), task=st.sampled_from(["segmentation", "classification"]), seed=st.integers(0, 10**6))
def test_certain_and_right_costs_nothing_and_wrong_costs_much(keys: dict[str, Any], task: str, seed: int) -> None:
    _, target = _case(task, seed, 1, (1, 2))
    truth = torch.nn.functional.one_hot(target, 3).movedim(-1, 1).float()
    function = make_loss(Loss.model_validate({**keys, "label_smoothing": 0}), task, 3)
    assert float(function(1e4 * truth, target)) == pytest.approx(0, abs=1e-6)
    assert float(function(1e4 * truth.roll(1, 1), target)) > 0.3


@settings(max_examples=40, deadline=None)
@given(keys=st.sampled_from(LOSSES), task=st.sampled_from(["segmentation", "classification"]), seed=st.integers(0, 10**6))
def test_a_small_step_along_the_gradient_lowers_the_loss(keys: dict[str, Any], task: str, seed: int) -> None:
    values, target = _case(task, seed, 1, (0, 1, 2))
    logits = values.double().requires_grad_()
    function = make_loss(Loss.model_validate(keys), task, 3)
    before = function(logits, target)
    (slope,) = torch.autograd.grad(before, logits)
    step = 1e-5 / float(slope.norm())
    fallen = float((before - function(logits - step * slope, target)).detach())
    assert fallen == pytest.approx(step * float(slope.square().sum()), rel=1e-2)

from __future__ import annotations

import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor, nn

from tests.unit.training.fit.task import recipe
from training.data import GridCase
from training.fit.duties import duty_of
from training.fit.duties.classification import area_under_curve

_CPU = torch.device("cpu")


class Told(nn.Module):
    """Marks where the image is above ``limit``; as a classifier, says class 1 when its mean is."""

    def __init__(self, limit: float, classes: bool = False) -> None:
        super().__init__()
        self._limit, self._classes = limit, classes

    def forward(self, images: Tensor) -> Tensor:
        score = images.mean(dim=(1, 2, 3)) if self._classes else images[:, 0]
        return torch.stack([torch.full_like(score, self._limit), score], dim=1)


def test_dice_of_a_mask_is_the_mean_over_cases_and_1_where_both_are_empty() -> None:
    image = torch.zeros(1, 16, 16)
    image[0, :4, :4] = 1.0
    half = torch.zeros(16, 16, dtype=torch.uint8)
    half[:4, :2] = 1
    empty = GridCase("empty", torch.zeros(1, 16, 16), torch.zeros(16, 16, dtype=torch.uint8))
    found = duty_of(recipe()).validate(Told(0.5), [GridCase("half", image, half), empty], _CPU)
    assert found == {"dice": pytest.approx((2 / 3 + 1) / 2), "dice Square": found["dice"]}


def test_figures_of_a_classifier() -> None:
    means, truth = [-1.0, 0.4, 0.2, 2.0], [0, 0, 1, 1]
    told = [GridCase(f"{n}", torch.full((1, 16, 16), m), None, t) for n, (m, t) in enumerate(zip(means, truth, strict=True))]
    duty = duty_of(recipe("classification"))
    found = duty.validate(Told(0.0, classes=True), told, _CPU)
    assert found["auc"] == 0.75 and found["accuracy"] == 0.75
    losses = [math.log(1 + math.exp(mean if t == 0 else -mean)) for mean, t in zip(means, truth, strict=True)]
    assert found["validation loss"] == pytest.approx(sum(losses) / 4)
    assert list(found) == duty.figures()


@given(st.lists(st.tuples(st.integers(0, 4), st.booleans()), min_size=1, max_size=12))
@settings(max_examples=40, deadline=None)
def test_area_is_the_share_of_pairs_in_order(drawn: list[tuple[int, bool]]) -> None:
    ours, others = [s for s, yes in drawn if yes], [s for s, yes in drawn if not yes]
    pairs = [1.0 if a > b else 0.5 if a == b else 0.0 for a in ours for b in others]
    found = area_under_curve(torch.tensor([float(s) for s, _ in drawn]), torch.tensor([yes for _, yes in drawn]))
    assert math.isnan(found) if not pairs else found == pytest.approx(sum(pairs) / len(pairs))

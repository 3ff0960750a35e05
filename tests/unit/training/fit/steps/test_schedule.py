from __future__ import annotations

import math
from typing import Any

import pytest

from tests.unit.training.fit.task import recipe
from training.fit.steps.schedule import learning_rate
from training.recipe.parts.fit import Fit


def _fit(**schedule: Any) -> Fit:
    return recipe(steps=80, schedule={"warmup_steps": 10, "over_steps": 100, **schedule}, learning_rate=1.0).fit


@pytest.mark.parametrize("kind", ["cosine", "poly", "constant"])
def test_warms_up_linearly_whatever_follows(kind: str) -> None:
    assert [learning_rate(step, _fit(kind=kind)) for step in (0, 4, 9, 10)] == pytest.approx([0.1, 0.5, 1.0, 1.0])


def test_cosine() -> None:
    assert learning_rate(55, _fit()) == pytest.approx(0.5)
    assert learning_rate(79, _fit()) == pytest.approx(0.5 * (1 + math.cos(math.pi * 69 / 90)))


def test_poly_ends_at_zero_where_it_spans_the_run() -> None:
    assert learning_rate(55, _fit(kind="poly", power=2.0)) == pytest.approx(0.25)
    whole = recipe(steps=80, schedule={"kind": "poly", "warmup_steps": 0}, learning_rate=1.0).fit
    assert learning_rate(79, whole) == pytest.approx((1 / 80) ** 0.9) and learning_rate(80, whole) == 0


def test_constant_stays_and_every_kind_cools_down() -> None:
    assert learning_rate(79, _fit(kind="constant")) == 1.0
    assert [learning_rate(step, _fit(kind="constant", cooldown_steps=20)) for step in (60, 70, 79)] == pytest.approx(
        [1.0, 0.5, 0.05]
    )
    assert learning_rate(70, _fit(cooldown_steps=20)) == pytest.approx(0.5 * learning_rate(70, _fit()))

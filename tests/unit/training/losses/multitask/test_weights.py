"""Weights of several losses against their closed forms."""

from __future__ import annotations

import io
import math
from typing import get_args

import pytest
import torch
from torch import Tensor

from storage.base.errors import ConfigError
from training.losses.multitask import FixedWeights, Kind, UncertaintyWeights

KINDS: dict[str, Kind] = {"mask": "plain", "class": "entropy", "box": "squares"}
LOSSES = {"mask": 0.3, "class": 0.7, "box": 5.0}
FACTORS = {"mask": 1, "class": 2, "box": 1}


def _losses(**values: float) -> dict[str, Tensor]:
    return {task: torch.tensor(value, requires_grad=True) for task, value in (values or LOSSES).items()}


def test_fixed_weights_sum_what_is_there() -> None:
    weights = FixedWeights({"mask": 2.0, "class": 0.5, "box": 0.0})
    assert float(weights(_losses()).detach()) == pytest.approx(2 * 0.3 + 0.5 * 0.7) and not list(weights.parameters())
    assert float(weights(_losses(**{"class": 0.7})).detach()) == pytest.approx(0.35), "what lacks a loss isn't made up for"


def test_uncertainty_is_the_formula_and_begins_without_weights() -> None:
    weights, losses = UncertaintyWeights(KINDS), _losses()
    assert float(weights(losses).detach()) == pytest.approx(0.3 + 2 * 0.7 + 5.0) and weights.weights() == FACTORS
    with torch.no_grad():
        weights.s["class"].fill_(0.4)
    total = weights(losses)
    assert float(total.detach()) == pytest.approx(0.3 + 2 * math.exp(-0.4) * 0.7 + 0.4 + 5.0)
    total.backward()
    assert float(losses["class"].grad or 0) == pytest.approx(2 * math.exp(-0.4))
    assert float(weights.s["class"].grad or 0) == pytest.approx(1 - 2 * math.exp(-0.4) * 0.7)


def test_of_a_gaussian_likelihood_it_is_twice_the_negative_logarithm() -> None:
    """For squares: -log N(y; f, sigma) = L / (2 sigma²) + log sigma + log(2 pi) / 2."""
    weights = UncertaintyWeights({"box": "squares"})
    sigma, residual = 1.7, 0.9
    with torch.no_grad():
        weights.s["box"].fill_(math.log(sigma**2))
    density = torch.distributions.Normal(0.0, sigma).log_prob(torch.tensor(residual))
    expected = 2 * (-float(density) - math.log(2 * math.pi) / 2)
    assert float(weights({"box": torch.tensor(residual**2)}).detach()) == pytest.approx(expected)


def test_the_optimum_for_losses_that_stay() -> None:
    weights = UncertaintyWeights(KINDS)
    optimiser = torch.optim.LBFGS(weights.parameters(), lr=0.5, max_iter=200, tolerance_grad=1e-9, tolerance_change=1e-12)

    def again() -> float:
        optimiser.zero_grad()
        total: Tensor = weights({task: torch.tensor(value) for task, value in LOSSES.items()})
        total.backward()
        return float(total.detach())

    optimiser.step(again)
    for task, loss in LOSSES.items():
        assert float(weights.s[task].detach()) == pytest.approx(math.log(FACTORS[task] * loss), abs=1e-3), task
        assert weights.weights()[task] * loss == pytest.approx(1, abs=1e-3), "each counts by its share"


@pytest.mark.parametrize(("loss", "bound"), [(0.0, -2.0), (1e6, 2.0)])
def test_beyond_the_limit_a_weight_stops_and_comes_back(loss: float, bound: float) -> None:
    weights = UncertaintyWeights({"mask": "plain"}, limit=2.0)
    optimiser = torch.optim.Adam(weights.parameters(), lr=0.5)
    for _ in range(20):
        optimiser.zero_grad()
        weights({"mask": torch.tensor(loss)}).backward()
        optimiser.step()
    weights({"mask": torch.tensor(loss)})
    assert float(weights.s["mask"].detach()) == bound
    back = torch.optim.SGD(weights.parameters(), lr=0.1)
    back.zero_grad()
    weights({"mask": torch.tensor(1.0)}).backward()  # whose optimum is s = 0
    back.step()
    assert abs(float(weights.s["mask"].detach())) < abs(bound)


def test_a_task_without_a_loss_keeps_its_weight() -> None:
    weights = UncertaintyWeights(KINDS)
    assert float(weights(_losses(**{"class": 0.7})).detach()) == pytest.approx(1.4)
    weights(_losses(**{"class": 0.7})).backward()
    assert {task for task, s in weights.s.items() if s.grad is None} == {"mask", "box"}


def test_the_state_comes_back() -> None:
    before, after = UncertaintyWeights(KINDS), UncertaintyWeights(KINDS)
    with torch.no_grad():
        for number, s in enumerate(before.s.values()):
            s.fill_(0.1 + number)
    file = io.BytesIO()
    torch.save(before.state_dict(), file)
    file.seek(0)
    after.load_state_dict(torch.load(file, weights_only=True))
    assert after.weights() == before.weights() != UncertaintyWeights(KINDS).weights()


def test_what_is_wrong_is_named() -> None:
    assert set(get_args(Kind)) == {"entropy", "squares", "plain"}
    for build, message in (
        (lambda: FixedWeights({"mask": -1.0}), "weight -1.0 of the task mask"),
        (lambda: FixedWeights({"mask": math.nan}), "weight nan of the task mask"),
        (lambda: FixedWeights({"mask": 0.0}), "no task has a weight above 0"),
        (lambda: UncertaintyWeights({}), "no task"),
        (lambda: UncertaintyWeights({"mask": "dice"}), "one of entropy, squares, plain; .'mask'."),  # type: ignore[dict-item]
        (lambda: UncertaintyWeights(KINDS, limit=0), "limit 0"),
        (lambda: FixedWeights({"mask": 1.0})(_losses()), "the task box has a loss and no weight"),
        (lambda: UncertaintyWeights(KINDS)({}), "no task has a loss"),
    ):
        with pytest.raises(ConfigError, match=message):
            build()

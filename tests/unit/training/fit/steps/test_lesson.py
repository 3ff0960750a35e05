from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch

from storage.base.errors import ConfigError
from tests.unit.training.fit.task import cases, digest, document, recipe, silent
from training.fit.duties import Drawn, choose, duty_of
from training.fit.duties.segmentation import Logits, Segmentation
from training.fit.order import seeded
from training.fit.trainer import Trainer
from training.recipe import Recipe


def deep(**fit: Any) -> Recipe:
    told = document(deep_supervision=True, **fit)
    told["package"]["network"]["arguments"] |= {"channels": [4, 8, 8], "deep_supervision": True}
    return Recipe.model_validate(told)


def test_coarser_scales_learn_under_deep_supervision_alone() -> None:
    learnt, still = Trainer(deep(), cases()), Trainer(deep(), cases())
    learnt.run(silent)
    before = dict(still.network.named_parameters())
    moved = [name for name, value in learnt.network.named_parameters() if not torch.equal(value, before[name])]
    assert any(name.startswith("scales.") for name in moved) and "head.weight" in moved


def test_the_scales_weigh_half_as_much_each() -> None:
    duty, target = duty_of(recipe()), torch.zeros((1, 8, 8), dtype=torch.int64)
    fine, coarse = torch.randn(1, 2, 8, 8), torch.randn(1, 2, 4, 4)

    def loss(answer: torch.Tensor | list[torch.Tensor], target: torch.Tensor) -> torch.Tensor:
        return duty.loss(torch.nn.Identity(), answer, Drawn(target, target), seeded(1))

    whole = loss(fine, target), loss(coarse, target[:, ::2, ::2])
    assert float(loss([fine, coarse], target)) == pytest.approx(float(2 * whole[0] + whole[1]) / 3)


def test_a_network_of_one_scale_is_named() -> None:
    with pytest.raises(ConfigError, match=r"fit\.deep_supervision: the network yields one scale; set package\.network"):
        Trainer(recipe(deep_supervision=True), cases())


def test_resumed_under_deep_supervision_it_ends_with_the_same_bytes(tmp_path: Path) -> None:
    whole, first, second = (Trainer(deep(), cases()) for _ in range(3))
    whole.run(silent)
    first.run(silent, tmp_path / "checkpoint.pt", until=2)
    second.resume(tmp_path / "checkpoint.pt")
    second.run(silent)
    assert digest(second) == digest(whole)


class Weighed(Segmentation):
    """Masks whose loss has a weight that is learned."""

    def __init__(self, recipe: Recipe) -> None:
        super().__init__(recipe)
        self.s = torch.nn.Parameter(torch.ones(()))
        self.unused = torch.nn.Parameter(torch.ones(()))

    def loss(self, network: torch.nn.Module, answer: Logits, drawn: Drawn, generator: torch.Generator) -> torch.Tensor:
        return torch.exp(-self.s) * super().loss(network, answer, drawn, generator) + self.s + 0 * self.unused


def test_what_a_duty_owns_learns_without_decay_and_lies_in_the_checkpoint(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(choose.DUTIES, "segmentation", Weighed)
    told = recipe(weight_decay=0.5)
    whole, first, second = (Trainer(told, cases()) for _ in range(3))
    whole.run(silent)
    owned = whole.state()["duty"]
    assert float(owned["s"]) != 1 and float(owned["unused"]) == 1  # decay would have moved what has no slope
    first.run(silent, tmp_path / "checkpoint.pt", until=4)
    second.resume(tmp_path / "checkpoint.pt")
    assert torch.equal(second.state()["duty"]["s"], first.state()["duty"]["s"])
    second.run(silent)
    assert digest(second) == digest(whole) and torch.equal(second.state()["duty"]["s"], owned["s"])

"""Networks of several inputs learn what only all of them together tell, and go on where one is missing."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch

from inference.networks.registry import fusion_names
from tests.unit.training.fused import fused_recipe
from training.data import GridCase, grid_case, read_parts
from training.fit.trainer import Trainer


def _silent(_step: int, _figures: dict[str, float]) -> None:
    """Nobody watches."""


def _small(case: GridCase) -> GridCase:
    """A corner of it, which costs a tenth."""
    return replace(case, image=case.image[:, :8, :16, :16].contiguous(), target=case.mask[:8, :16, :16].contiguous())


@pytest.mark.parametrize("name", fusion_names())
def test_two_runs_end_with_the_same_bytes_and_presence_counts(name: str) -> None:
    recipe = fused_recipe(name, steps=2, patch=[8, 16, 16])
    dataset = read_parts(recipe, None)
    cases = [_small(grid_case(case, recipe)) for case in dataset.cases("train")]
    held_out = [_small(grid_case(case, recipe)) for case in dataset.cases("validate")]
    weights = []
    for _ in range(2):
        trainer = Trainer(recipe, cases, held_out)
        trainer.run(_silent)
        weights.append(torch.cat([value.flatten().double() for value in trainer.averaged.state_dict().values()]))
        assert 0 <= trainer.watch.validate(trainer.averaged)["dice"] <= 1
    assert torch.equal(*weights)
    network, image = trainer.averaged, cases[0].image[None]
    with torch.inference_mode():
        whole, alone = (network(image, torch.tensor([flags])) for flags in ([True, True], [True, False]))
        blind = network(torch.cat([image[:, :1], torch.full_like(image[:, 1:], 7.0)], dim=1), torch.tensor([[True, False]]))
    assert not torch.equal(whole, alone) and torch.equal(alone, blind)

"""Inputs that a sample lacks, or goes without by chance."""

from __future__ import annotations

import torch

from tests.unit.training.fused import fused_document
from training.augment import draw_samples
from training.data import GridCase
from training.recipe import Recipe


def _recipe(**shares: float) -> Recipe:
    document = fused_document()
    document["augment"] |= {"drop_inputs": shares, "brightness": 1.0}
    return Recipe.model_validate(document)


def _case(*present: bool) -> GridCase:
    flags = torch.tensor(present)
    image = torch.rand(2, 20, 32, 32) + 1
    return GridCase("case", image * flags.view(2, 1, 1, 1), torch.zeros(20, 32, 32, dtype=torch.uint8), present=flags)


def _generators(count: int) -> list[torch.Generator]:
    return [torch.Generator().manual_seed(seed) for seed in range(count)]


def test_a_missing_input_is_zeros_however_bright_the_rest_became() -> None:
    batch = draw_samples([_case(True, False), _case(True, True)], _recipe(), _generators(2))
    assert batch.present.tolist() == [[True, False], [True, True]]
    assert not batch.images[0, 1].any() and batch.images[0, 0].any() and batch.images[1].any(dim=(1, 2, 3)).all()


def test_inputs_are_dropped_by_their_share_and_the_sample_alone() -> None:
    cases = [_case(True, True)] * 24
    batch = draw_samples(cases, _recipe(pet=0.5), _generators(24))
    counts = batch.present.sum(dim=0).tolist()
    assert counts[0] == 24 and 6 <= counts[1] <= 18
    assert [bool(image.any()) for image in batch.images[:, 1]] == batch.present[:, 1].tolist()
    alone = draw_samples(cases[:1], _recipe(pet=0.5), [torch.Generator().manual_seed(7)])
    assert torch.equal(alone.images[0], batch.images[7]) and torch.equal(alone.present[0], batch.present[7])

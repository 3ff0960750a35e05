from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import pytest
import torch

from storage.base.errors import ConfigError
from tests.unit.training.fit.task import cases, digest, document, fitted, recipe, silent
from training.fit.trainer import Trainer
from training.recipe import Recipe

_EVERYTHING = {"accumulate": 2, "optimizer": "sgd", "momentum": 0.9, "keep": "best", "balance_classes": True, "steps": 7}


@pytest.mark.parametrize("task", ["segmentation", "classification"])
def test_same_seed_same_weights_and_another_seed_others(task: str) -> None:
    hashes: list[str] = []
    for seed in (3, 3, 4):
        torch.manual_seed(len(hashes))  # what ran before must not matter
        hashes.append(digest(fitted(recipe(task).model_copy(update={"seed": seed}))))
    assert hashes[0] == hashes[1] != hashes[2]


@pytest.mark.parametrize("fit", [{}, _EVERYTHING])
@pytest.mark.parametrize("task", ["segmentation", "classification"])
def test_stopped_in_mid_epoch_and_resumed_ends_with_the_same_bytes(task: str, fit: dict[str, Any], tmp_path: Path) -> None:
    told, path = recipe(task, **fit), tmp_path / "checkpoint.pt"
    whole = fitted(told)
    Trainer(told, cases(), cases(3, seed=2)).run(silent, path, until=4)
    second = Trainer(told, cases(), cases(3, seed=2))
    second.resume(path)
    assert second.step == 4 and 4 * told.fit.extent.batch % len(cases())  # in mid-epoch
    second.run(silent, path)
    assert digest(second) == digest(whole) and second.watch.follower.best == whole.watch.follower.best


@pytest.mark.parametrize(("task", "figure", "floor"), [("segmentation", "dice", 0.7), ("classification", "auc", 0.9)])
def test_learns(task: str, figure: str, floor: float) -> None:
    trainer = Trainer(recipe(task, steps=30, validate_every=30), cases(), cases(6, seed=2))
    seen: list[dict[str, float]] = []
    trainer.run(lambda _step, figures: seen.append(figures))
    assert seen[-1][figure] > floor and seen[-1]["loss"] < 0.8 * seen[0]["loss"]


def test_checkpoint_of_another_recipe_or_other_cases_is_refused_by_name(tmp_path: Path) -> None:
    path = tmp_path / "checkpoint.pt"
    path.write_bytes(b"nothing")
    with pytest.raises(ConfigError, match="no readable checkpoint; remove the file"):
        Trainer(recipe(), cases()).resume(path)
    Trainer(recipe(), cases()).run(silent, path, until=2)
    with pytest.raises(ConfigError, match=r"another recipe \(fit\.learning_rate was 0\.02, is 0\.03\)"):
        Trainer(recipe(learning_rate=0.03), cases()).resume(path)
    with pytest.raises(ConfigError, match="other cases"):
        Trainer(recipe(), cases(5)).resume(path)
    Trainer(recipe(), []).resume(path)  # what exports a run needs no cases
    mended = document()
    mended["package"] |= {"title": "A square", "intended_use": "Tests alone."}
    Trainer(Recipe.model_validate(mended), cases()).resume(path)  # texts may be mended


def test_divergence_ends_the_run_at_its_step_and_keeps_the_checkpoint(tmp_path: Path) -> None:
    path = tmp_path / "checkpoint.pt"
    broken = cases()
    trainer = Trainer(recipe(), broken)
    trainer.run(silent, path, until=2)
    before = path.read_bytes()
    for case in broken:
        case.image.fill_(math.nan)
    with pytest.raises(ConfigError, match=r"step 3: the loss is not finite; lower fit\.learning_rate"):
        trainer.run(silent, path)
    assert path.read_bytes() == before


def test_finished_run_goes_no_further() -> None:
    trainer = fitted(recipe())
    before = digest(trainer)
    trainer.run(silent)
    assert trainer.finished and digest(trainer) == before


def test_no_cases_is_named() -> None:
    with pytest.raises(ConfigError, match="no cases to train on"):
        Trainer(recipe(), []).run(silent)

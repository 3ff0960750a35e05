from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import pytest
import torch

from tests.unit.training.fit.task import cases, recipe, silent
from training.fit.stopping import Tally
from training.fit.trainer import Trainer


def scripted(monkeypatch: pytest.MonkeyPatch, dice: list[float], **fit: Any) -> Trainer:
    """A run that validates every second step, with these figures."""
    trainer = Trainer(recipe(validate_every=2, **fit), cases(), cases(3, seed=2))
    figures = iter(dice)
    monkeypatch.setattr(trainer.watch, "validate", lambda _averaged: {"dice": next(figures)})
    return trainer


def weights(trainer: Trainer) -> torch.Tensor:
    return torch.cat([value.detach().flatten() for value in trainer.averaged.state_dict().values()])


def test_patience_ends_the_run_and_the_best_weights_are_exported(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    fit: dict[str, Any] = {"steps": 20, "keep": "best", "early_stopping": {"patience": 2}}
    trainer = scripted(monkeypatch, [0.5, 0.7, 0.6, 0.7], **fit)
    trainer.run(silent, tmp_path / "checkpoint.pt")
    assert trainer.finished and trainer.step == 8 and (trainer.watch.follower.best, trainer.watch.follower.best_step) == (0.7, 4)
    best = scripted(monkeypatch, [0.5, 0.7], **fit)
    best.run(silent, until=4)
    assert torch.equal(weights(trainer), weights(best)) and not torch.equal(weights(best), weights(Trainer(recipe(), cases())))
    read = Trainer(recipe(validate_every=2, **fit), [])
    read.resume(tmp_path / "checkpoint.pt")
    assert read.finished and torch.equal(weights(read), weights(best))


def test_gains_below_the_least_do_not_count_but_are_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    stopping = {"patience": 2, "least_gain": 0.1}
    trainer = scripted(monkeypatch, [0.5, 0.55, 0.58, 0.9], steps=20, keep="best", early_stopping=stopping)
    trainer.run(silent)
    assert trainer.step == 6 and trainer.watch.follower.best == 0.58


def test_patience_goes_on_where_it_was(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    fit: dict[str, Any] = {"steps": 20, "early_stopping": {"patience": 3}}
    scripted(monkeypatch, [0.5, 0.4], **fit).run(silent, tmp_path / "checkpoint.pt", until=4)
    again = scripted(monkeypatch, [0.4, 0.4], **fit)
    again.resume(tmp_path / "checkpoint.pt")
    again.run(silent)
    assert again.step == 8 and again.watch.follower.best_step == 2


def test_a_figure_that_is_no_number_is_no_gain(monkeypatch: pytest.MonkeyPatch) -> None:
    trainer = scripted(monkeypatch, [math.nan, 0.2, math.nan], steps=6)
    trainer.run(silent)
    assert (trainer.watch.follower.best, trainer.watch.follower.best_step) == (0.2, 4)


def test_the_last_weights_are_kept_unless_told_otherwise(monkeypatch: pytest.MonkeyPatch) -> None:
    trainer = scripted(monkeypatch, [0.9, 0.1, 0.1], steps=6)
    trainer.run(silent)
    assert trainer.watch.follower.weights is None and trainer.step == 6


def test_tally_is_the_mean_since_it_was_taken() -> None:
    tally = Tally()
    tally.add(1.0)
    tally.add(3.0)
    assert tally.take() == 2.0
    tally.add(5.0)
    assert Tally(**tally.state()).take() == 5.0

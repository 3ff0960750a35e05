from __future__ import annotations

import hashlib
import math
from pathlib import Path

import numpy as np
import pytest
import torch

from storage.base.errors import ConfigError
from tests.unit.training.tiny import tiny_recipe
from training.data import GridCase, grid_case, read_cases
from training.fit.schedule import learning_rate
from training.fit.trainer import Trainer, case_order, seeded
from training.losses.dice import soft_dice_loss


@pytest.fixture(scope="module")
def cases() -> list[GridCase]:
    recipe = tiny_recipe()
    return [grid_case(case, recipe) for case in read_cases(recipe, "train", None)]


def _silent(_step: int, _figures: dict[str, float]) -> None:
    pass


def _hash(trainer: Trainer) -> str:
    digest = hashlib.sha256()
    for network in (trainer.network, trainer.averaged):
        for key, value in sorted(network.state_dict().items()):
            digest.update(key.encode() + np.ascontiguousarray(value.numpy()).tobytes())
    return digest.hexdigest()


def test_same_seed_same_weights_and_another_seed_others(cases: list[GridCase]) -> None:
    hashes: list[str] = []
    for seed in (3, 3, 4):
        torch.manual_seed(len(hashes))  # what ran before must not matter
        trainer = Trainer(tiny_recipe().model_copy(update={"seed": seed}), cases)
        trainer.run(_silent)
        hashes.append(_hash(trainer))
    assert hashes[0] == hashes[1] != hashes[2]


def test_stopped_and_resumed_ends_with_the_same_bytes(cases: list[GridCase], tmp_path: Path) -> None:
    whole = Trainer(tiny_recipe(), cases)
    whole.run(_silent)
    first = Trainer(tiny_recipe(), cases)
    first.run(_silent, tmp_path / "checkpoint.pt", until=2)
    second = Trainer(tiny_recipe(), cases)
    second.resume(tmp_path / "checkpoint.pt")
    assert second.step == 2
    second.run(_silent, tmp_path / "checkpoint.pt")
    assert _hash(second) == _hash(whole)


def test_loss_falls(cases: list[GridCase]) -> None:
    losses: list[float] = []
    trainer = Trainer(tiny_recipe(steps=24, schedule={"warmup_steps": 1}, learning_rate=0.02), cases)
    trainer.run(lambda _step, figures: losses.append(figures["loss"]))
    assert np.mean(losses[-4:]) < 0.93 * np.mean(losses[:4])


def test_checkpoint_of_another_network_is_refused(cases: list[GridCase], tmp_path: Path) -> None:
    path = tmp_path / "checkpoint.pt"
    path.write_bytes(b"nothing")
    with pytest.raises(ConfigError, match="no readable checkpoint; remove the file"):
        Trainer(tiny_recipe(), cases).resume(path)
    Trainer(tiny_recipe(), cases).run(_silent, path, until=2)
    recipe = tiny_recipe()
    wider = {**recipe.package["network"], "arguments": {**recipe.package["network"]["arguments"], "channels": [4, 8, 8]}}
    other = recipe.model_copy(update={"package": {**recipe.package, "network": wider}})
    with pytest.raises(ConfigError, match="another recipe"):
        Trainer(other, cases).resume(path)


def test_learning_rate_warms_up_follows_the_cosine_and_cools_down() -> None:
    schedule = {"warmup_steps": 10, "over_steps": 100, "cooldown_steps": 20}
    fit = tiny_recipe(steps=80, schedule=schedule, learning_rate=1.0).fit
    assert learning_rate(0, fit) == pytest.approx(0.1) and learning_rate(9, fit) == learning_rate(10, fit) == 1.0
    assert learning_rate(55, fit) == pytest.approx(0.5)
    assert learning_rate(70, fit) == pytest.approx(0.5 * 0.5 * (1 + math.cos(math.pi * 60 / 90)))
    assert 0 < learning_rate(79, fit) < 0.01


def test_every_epoch_takes_every_case_once_in_its_own_order() -> None:
    assert sorted(case_order(1, 0, 9)) == list(range(9))
    assert case_order(1, 0, 9) == case_order(1, 0, 9) != case_order(1, 1, 9)
    assert not torch.equal(torch.rand(3, generator=seeded(1, 2)), torch.rand(3, generator=seeded(1, 3)))


def test_dice_loss_is_the_closed_form() -> None:
    p = torch.tensor([0.9, 0.2, 0.6, 0.0])
    truth = torch.tensor([[1, 0, 1, 0]])
    loss = soft_dice_loss(torch.stack([1 - p, p])[None], truth, epsilon=0.5)
    assert float(loss) == pytest.approx(1 - (2 * 1.5 + 0.5) / (1.7 + 2 + 0.5))

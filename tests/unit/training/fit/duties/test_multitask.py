"""Two tasks in the training step: their targets, learned weights in optimiser and checkpoint, and a run that was stopped."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
import torch

from inference.networks.detection import boxes_of_instances
from tests.unit.training.several import several_recipe, three_recipe
from training.data import GridCase
from training.fit.checkpoint import save_checkpoint
from training.fit.duties import duty_of
from training.fit.duties.multitask import Multitask
from training.fit.trainer import Trainer
from training.recipe import Recipe


def _cases(count: int = 8) -> list[GridCase]:
    """Noise with a bright square, whose size is the class."""
    generator = torch.Generator().manual_seed(2)
    made = []
    for number in range(count):
        mask = torch.zeros((32, 32), dtype=torch.uint8)
        index = number % 3
        mask[8 : 8 + 6 * index, 8 : 8 + 6 * index] = 1
        image = torch.randn((1, 32, 32), generator=generator) + 2 * mask[None]
        made.append(GridCase(f"case-{number}", image, mask, index))
    return made


def _trainer(recipe: Recipe) -> Trainer:
    torch.set_num_threads(1)
    return Trainer(recipe, _cases(), _cases(4))


def _weights(trainer: Trainer) -> dict[str, float]:
    assert isinstance(trainer.duty, Multitask)
    return {name: float(value.detach()) for name, value in trainer.duty.named_parameters()}


def test_a_batch_has_the_targets_of_each_task() -> None:
    duty = duty_of(several_recipe(augment={"mirror_axes": [1]}))
    drawn = duty.draw(_cases(4), [torch.Generator().manual_seed(n) for n in range(4)])
    assert drawn.images.shape == (4, 1, 32, 32) and drawn.targets["segmentation"].shape == (4, 32, 32)
    assert drawn.targets["classification"].tolist() == [0, 1, 2, 0]
    sizes = drawn.targets["segmentation"].flatten(1).sum(1).tolist()
    assert sizes == [0, 36, 144, 0], "masks go along with their images"


def test_boxes_go_along_with_the_masks_of_their_image() -> None:
    cases = [replace(case, instances=case.mask.short(), instance_labels=(1,) * int(case.mask.any())) for case in _cases(6)]
    duty = duty_of(three_recipe(augment={"mirror_axes": [0, 1], "shift_voxels": 4, "scale": [0.8, 1.25]}))
    drawn = duty.draw(cases, [torch.Generator().manual_seed(n) for n in range(6)])
    pairs = list(zip(drawn.targets["segmentation"], drawn.targets["detection"], strict=True))
    assert [len(objects) for _, objects in pairs] == [0, 1, 1, 0, 1, 1]
    assert all(torch.equal(boxes_of_instances(mask)[0], objects.boxes) for mask, objects in pairs)
    assert duty.merit({"dice": 0.4, "auc": 0.8, "ap50": 0.3}) == pytest.approx(0.5)
    assert duty.merit({"dice": 0.4, "auc": 0.8, "ap50": float("nan")}) == pytest.approx(0.6)


def test_learned_weights_are_learned_without_decay_and_told() -> None:
    trainer = _trainer(several_recipe(fit={"weight_decay": 0.5}))
    assert set(_weights(trainer).values()) == {0.0}
    groups = trainer.state()["optimizer"]["param_groups"]
    owned = [group for group in groups if group["weight_decay"] == 0.0 and len(group["params"]) == 2]
    assert owned, [(group["weight_decay"], len(group["params"])) for group in groups]
    figures: list[dict[str, float]] = []
    trainer.run(lambda step, told: figures.append(told))
    assert all(value != 0.0 for value in _weights(trainer).values())
    assert {"dice", "auc", "weight segmentation", "weight classification"} <= set(figures[-1])
    assert set(trainer.duty.figures()) <= set(figures[-1])
    assert trainer.duty.merit({"dice": 0.4, "auc": 0.8}) == pytest.approx(0.6)


def test_a_stopped_run_ends_with_the_same_bytes(tmp_path: Path) -> None:
    whole, first, second = (_trainer(several_recipe()) for _ in range(3))
    whole.run(lambda _step, _figures: None)
    first.run(lambda _step, _figures: None, until=3)
    save_checkpoint(tmp_path / "state.pt", first.state())
    second.resume(tmp_path / "state.pt")
    assert _weights(second) == _weights(first) != {name: 0.0 for name in _weights(first)}
    second.run(lambda _step, _figures: None)
    assert _weights(second) == _weights(whole)
    pairs = zip(whole.averaged.state_dict().values(), second.averaged.state_dict().values(), strict=True)
    assert all(torch.equal(ours, theirs) for ours, theirs in pairs)


def test_fixed_weights_count_as_they_say() -> None:
    losses = {}
    for mask, kind in ((1.0, 0.0001), (0.0001, 1.0), (1.0, 1.0)):
        duty = duty_of(several_recipe(loss={"weights": {"segmentation": mask, "classification": kind}}))
        trainer = _trainer(duty.recipe)
        drawn = duty.draw(_cases(4), [torch.Generator().manual_seed(n) for n in range(4)])
        torch.manual_seed(0)
        with torch.no_grad():
            answer = trainer.network(drawn.images)
            losses[(mask, kind)] = float(duty.loss(trainer.network, answer, drawn, torch.Generator()))
    alone = losses[(1.0, 0.0001)] + losses[(0.0001, 1.0)]
    assert losses[(1.0, 1.0)] == pytest.approx(alone, rel=1e-3) and not list(duty.parameters())

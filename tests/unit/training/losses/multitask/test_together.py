"""Losses of several tasks over cases that lack targets."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch
from torch import Tensor
from torch.nn import functional

from inference.networks.multitask import MultiTask
from storage.base.errors import InputError
from training.losses.detection import Targets
from training.losses.multitask import FixedWeights, MultiTaskLoss, UncertaintyWeights, box_loss


def _two() -> MultiTaskLoss:
    return MultiTaskLoss(
        {"segmentation": functional.cross_entropy, "classification": functional.cross_entropy},
        FixedWeights({"segmentation": 1.0, "classification": 2.0}),
    )


def _batch() -> tuple[dict[str, Tensor], dict[str, Tensor]]:
    generator = torch.Generator().manual_seed(1)
    outputs = {
        "segmentation": torch.randn(3, 2, 4, 4, generator=generator),
        "classification": torch.randn(3, 5, generator=generator),
    }
    targets = {"segmentation": torch.ones(3, 4, 4, dtype=torch.int64), "classification": torch.tensor([4, 0, 2])}
    return {task: output.requires_grad_() for task, output in outputs.items()}, targets


def test_each_task_over_the_cases_that_have_its_target() -> None:
    outputs, targets = _batch()
    rows = {"segmentation": torch.tensor([True, False, True])}
    terms = _two()(outputs, targets, rows)
    mask = functional.cross_entropy(outputs["segmentation"][[0, 2]], targets["segmentation"][[0, 2]])
    kind = functional.cross_entropy(outputs["classification"], targets["classification"])
    assert float(terms.losses["segmentation"]) == pytest.approx(float(mask.detach()))
    assert float(terms.total.detach()) == pytest.approx(float((mask + 2 * kind).detach()))
    terms.total.backward()
    gradient = outputs["segmentation"].grad
    assert gradient is not None and not bool(gradient[1].any()) and bool(gradient[[0, 2]].any())


def test_what_stands_where_there_is_no_target_does_not_matter() -> None:
    outputs, targets = _batch()
    rows = {"classification": torch.tensor([True, False, False])}
    before = _two()(outputs, targets, rows).total
    targets["classification"][1:] = -77
    with torch.no_grad():
        outputs["classification"][1:] = torch.nan
    assert torch.equal(_two()(outputs, targets, rows).total, before)


@pytest.mark.parametrize("lacking", ["flags", "key"])
def test_a_task_without_any_target_is_left_out(lacking: str) -> None:
    outputs, targets = _batch()
    loss = MultiTaskLoss(_two().tasks, UncertaintyWeights({"segmentation": "plain", "classification": "entropy"}))
    rows = {"segmentation": torch.zeros(3, dtype=torch.bool)} if lacking == "flags" else {}
    if lacking == "key":
        del targets["segmentation"]
    terms = loss(outputs, targets, rows)
    terms.total.backward()
    assert list(terms.losses) == ["classification"] and outputs["segmentation"].grad is None
    grads = {key: value.grad is None for key, value in loss.named_parameters()}
    assert grads == {"weighting.s.segmentation": True, "weighting.s.classification": False}


def test_what_is_wrong_is_named() -> None:
    outputs, targets = _batch()
    none = {task: torch.zeros(3, dtype=torch.bool) for task in targets}
    with pytest.raises(InputError, match="no case of the batch has a target of any task"):
        _two()(outputs, targets, none)
    with pytest.raises(InputError, match="task box, which has no loss"):
        _two()(outputs, targets | {"box": torch.zeros(3)})
    del outputs["segmentation"]
    with pytest.raises(InputError, match="task segmentation, which has no head"):
        _two()(outputs, targets)


def test_boxes_of_the_cases_that_have_some_marked() -> None:
    torch.manual_seed(0)
    network = MultiTask(spatial_dims=2, in_channels=1, heads={"detection": 3}, depth=10, width=4, boxes={"pyramid": 8})
    raw = network(torch.randn(3, 1, 32, 32)).by_task()["detection"]
    truth = [Targets(torch.tensor([[4.0, 4.0, 20.0, 24.0]]), torch.tensor([label])) for label in (1, 9, 2)]
    loss = MultiTaskLoss({"detection": box_loss(2)}, FixedWeights({"detection": 3.0}))
    rows = {"detection": torch.tensor([True, False, True])}
    some = loss({"detection": raw}, {"detection": truth}, rows)
    two = {"detection": replace(raw, scores=raw.scores[::2], boxes=raw.boxes[::2], quality=raw.quality[::2])}
    assert float(some.losses["detection"]) == pytest.approx(float(loss(two, {"detection": truth[::2]}).total.detach()) / 3)
    some.total.backward()
    assert all(value.grad is not None for value in network.heads.parameters())
    with pytest.raises(InputError, match="image 1 of the batch: a label isn't from 1 to 2"):
        loss({"detection": raw}, {"detection": truth})

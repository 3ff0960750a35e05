"""Several processes fit one network together, over gloo."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import torch

from storage.base.errors import ConfigError, TransientError
from tests.unit.training.fit.task import cases, digest, document, recipe, silent
from training.fit.processes import team
from training.fit.processes.ranks import Ranks
from training.fit.trainer import Trainer
from training.recipe import Recipe


def plain(**fit: Any) -> Recipe:
    """A recipe in which a batch is the mean of its samples: no batch norm, no Dice, no Adam."""
    told = document(optimizer="sgd", momentum=0.5, learning_rate=0.01, clip_norm=1e6, **fit)
    told["package"]["network"]["arguments"]["norm"] = "instance"
    told["loss"] = {"kind": "cross_entropy"}
    return Recipe.model_validate(told)


def furthest(one: Trainer, two: Trainer) -> float:
    pairs = zip(one.network.parameters(), two.network.parameters(), strict=True)
    return max(float((a - b).abs().max().detach()) for a, b in pairs)


def test_accumulated_batches_are_one_large_batch() -> None:
    large, small = Trainer(plain(batch=4), cases()), Trainer(plain(batch=2, accumulate=2), cases())
    large.run(silent)
    small.run(silent)
    assert 0 < furthest(large, small) < 1e-5
    assert furthest(large, Trainer(plain(), cases())) > 1e-2  # they did learn something


@pytest.mark.heavy
def test_two_processes_are_one_with_the_same_batches() -> None:
    one, two = Trainer(plain(accumulate=2), cases()), Trainer(plain(accumulate=2), cases(), ranks=Ranks(0, 2))
    one.run(silent)
    two.run(silent)
    assert two.finished and 0 < furthest(one, two) < 1e-5


@pytest.mark.heavy
def test_both_processes_hold_the_same_bytes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Batch norm, Adam, early stopping decided by the first alone: the second process writes its digest when it is done."""
    told = recipe(steps=8, validate_every=1, early_stopping={"patience": 1, "least_gain": 1.0})
    script = tmp_path / "second.py"
    script.write_text(_SECOND)

    def start(folder: Path, number: int) -> subprocess.Popen[bytes]:
        command = [sys.executable, str(script), str(folder), str(number), str(tmp_path / "digest")]
        return subprocess.Popen(command, stdin=subprocess.PIPE)

    monkeypatch.setattr(team, "_start", start)
    first = Trainer(told, cases(), cases(3, seed=2), ranks=Ranks(0, 2))
    first.run(silent)
    assert first.step == 2 and (tmp_path / "digest").read_text() == f"2 {digest(first)}"


_SECOND = """
import sys
from pathlib import Path
sys.path.insert(0, ".")
from tests.unit.training.fit.task import digest
from training.fit import worker

made = []
class Kept(worker.Trainer):
    def __init__(self, *arguments, **keywords):
        super().__init__(*arguments, **keywords)
        made.append(self)

worker.Trainer = Kept
status = worker.main(Path(sys.argv[1]), int(sys.argv[2]))
Path(sys.argv[3]).write_text(f"{made[0].step} {digest(made[0])}")
sys.exit(status)
"""


@pytest.mark.slow
def test_a_lost_process_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    started: list[subprocess.Popen[bytes]] = []
    start = team._start

    def remembered(folder: Path, number: int) -> subprocess.Popen[bytes]:
        started.append(start(folder, number))
        return started[-1]

    monkeypatch.setattr(team, "_start", remembered)
    trainer = Trainer(recipe(), cases(), ranks=Ranks(0, 2))

    def kill(step: int, _figures: dict[str, float]) -> None:
        if step == 2:
            started[0].kill()
            started[0].wait()

    with pytest.raises(TransientError, match="one of the processes of --processes ended"):
        trainer.run(kill, tmp_path / "checkpoint.pt")
    assert not torch.distributed.is_initialized() and (tmp_path / "checkpoint.pt").exists()


def test_a_batch_that_cannot_be_shared_is_refused() -> None:
    with pytest.raises(ConfigError, match=r"fit\.batch: 4 can't be shared by --processes 3"):
        Trainer(recipe(), cases(), ranks=Ranks(0, 3))

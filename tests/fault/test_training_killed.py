"""``python -m training train`` dies by kill -9, in mid-epoch and while it writes a checkpoint, and ends as if it never had."""

from __future__ import annotations

import signal
import subprocess
import sys
from pathlib import Path

import pytest
import torch

from inference.manifest import package_digest
from tests.unit.training.tiny import write_tiny_recipe

pytestmark = [pytest.mark.heavy, pytest.mark.timeout(600)]

_STEPS = 9
_FIT = {"steps": _STEPS, "validate_every": 4, "checkpoint_every": 2, "log_every": 1}

_DIES_AT_STEP = """
import os, runpy, signal, sys
from training.fit.history import History
add = History.add

def add_and_die(history, step, figures):
    row = add(history, step, figures)
    if step == STEP:
        os.kill(os.getpid(), signal.SIGKILL)
    return row

History.add = add_and_die
runpy.run_module("training", run_name="__main__")
"""

_DIES_IN_CHECKPOINT = """
import io, os, runpy, signal, sys
import torch
save = torch.save

def save_half(state, stream):
    if state["step"] < STEP:
        return save(state, stream)
    whole = io.BytesIO()
    save(state, whole)
    stream.write(whole.getvalue()[: len(whole.getvalue()) // 2])
    stream.flush()
    os.kill(os.getpid(), signal.SIGKILL)

torch.save = save_half
runpy.run_module("training", run_name="__main__")
"""


def start(recipe: Path, out: Path, dies: str = "", step: int = 0) -> subprocess.Popen[str]:
    """The command as a process of its own; ``dies`` says when it is to kill itself."""
    program = ["-c", dies.replace("STEP", str(step))] if dies else ["-m", "training"]
    command = [sys.executable, *program, "train", str(recipe), "--out", str(out), "--threads", "1"]
    return subprocess.Popen(command, stderr=subprocess.PIPE, stdout=subprocess.DEVNULL, text=True)


def end(process: subprocess.Popen[str]) -> str:
    """Its exit status, by name where it is a signal's, and what it said last."""
    _, said = process.communicate(timeout=240)
    return signal.Signals(-process.returncode).name if process.returncode < 0 else f"{process.returncode} {said[-500:]}"


def test_killed_twice_and_resumed_it_ends_with_the_same_bytes(tmp_path: Path) -> None:
    recipe = write_tiny_recipe(tmp_path / "tiny.yaml", **_FIT)
    whole, broken = tmp_path / "whole", tmp_path / "broken"
    unbroken = start(recipe, whole)  # meanwhile
    killed = end(start(recipe, broken, _DIES_AT_STEP, step=5))
    assert end(unbroken).startswith("0 ")
    assert killed == "SIGKILL"
    assert torch.load(broken / "checkpoint.pt", weights_only=True)["step"] == 4  # two epochs and two thirds: in mid-epoch
    assert len((broken / "metrics.jsonl").read_text().splitlines()) == 5
    assert end(start(recipe, broken, _DIES_IN_CHECKPOINT, step=8)) == "SIGKILL"
    assert (broken / "checkpoint.part").stat().st_size > 0  # it died with half a checkpoint on the disk
    assert torch.load(broken / "checkpoint.pt", weights_only=True)["step"] == 6
    assert end(start(recipe, broken)).startswith("0 ")
    assert (broken / "metrics.csv").read_bytes() == (whole / "metrics.csv").read_bytes()
    assert [line.split(",")[0] for line in (broken / "metrics.csv").read_text().splitlines()[1:]] == [
        str(step) for step in range(1, _STEPS + 1)
    ]
    name = next((whole / "package").iterdir()).name
    assert package_digest(broken / "package" / name) == package_digest(whole / "package" / name)
    assert not (broken / "checkpoint.part").exists()

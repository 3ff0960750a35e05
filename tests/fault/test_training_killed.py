"""``python -m training train`` dies by kill -9, in mid-epoch and while it writes a checkpoint, and ends as if it never had."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import torch

from inference.manifest import package_digest
from tests.unit.training.tiny import write_tiny_recipe

pytestmark = [pytest.mark.heavy, pytest.mark.timeout(600)]

_STEPS = 9
_FIT = {"steps": _STEPS, "validate_every": 4, "checkpoint_every": 2, "log_every": 1}

# Lives of the command, one after the other: each a process of its own, forked off one that has imported torch for all of them.
_LIVES = """
import io, json, os, runpy, signal, sys
import torch
import training.commands.train
from training.fit.records.history import History

def die():
    os.kill(os.getpid(), signal.SIGKILL)

def dies_at_step(step, add=History.add):
    def add_and_die(history, at, figures):
        row = add(history, at, figures)
        return die() if at == step else row
    History.add = add_and_die

def dies_in_checkpoint(step, save=torch.save):
    def save_half(state, stream):
        if state["step"] < step:
            return save(state, stream)
        whole = io.BytesIO()
        save(state, whole)
        stream.write(whole.getvalue()[: len(whole.getvalue()) // 2])
        stream.flush()
        die()
    torch.save = save_half

for line in sys.stdin:
    dies, step, *sys.argv[1:] = json.loads(line)
    life = os.fork()
    if not life:
        os.dup2(2, 1)  # what the command shows is not for who reads the exit statuses
        if dies:
            globals()[dies](step)
        runpy.run_module("training", run_name="__main__")
    print(os.waitstatus_to_exitcode(os.waitpid(life, 0)[1]), flush=True)
"""


def arguments(recipe: Path, out: Path) -> list[str]:
    """Of the command."""
    return ["train", str(recipe), "--out", str(out), "--threads", "1"]


@contextmanager
def lives() -> Iterator[Callable[..., int]]:
    """Lives the command once, killed by one of the ways of `_LIVES` at a step or not at all; its exit status."""
    command = [sys.executable, "-c", _LIVES]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdin is not None and process.stdout is not None
        given, told = process.stdin, process.stdout

        def live(recipe: Path, out: Path, dies: str = "", step: int = 0) -> int:
            given.write(json.dumps([dies, step, *arguments(recipe, out)]) + "\n")
            given.flush()
            return int(told.readline())

        yield live


def test_killed_twice_and_resumed_it_ends_with_the_same_bytes(tmp_path: Path) -> None:
    recipe = write_tiny_recipe(tmp_path / "tiny.yaml", **_FIT)
    whole, broken = tmp_path / "whole", tmp_path / "broken"
    with lives() as live:
        assert live(recipe, whole) == 0
        assert live(recipe, broken, "dies_at_step", 5) == -signal.SIGKILL
        assert torch.load(broken / "checkpoint.pt", weights_only=True)["step"] == 4  # two epochs and two thirds: in mid-epoch
        assert len((broken / "metrics.jsonl").read_text().splitlines()) == 5
        assert live(recipe, broken, "dies_in_checkpoint", 8) == -signal.SIGKILL
    assert (broken / "checkpoint.part").stat().st_size > 0  # it died with half a checkpoint on the disk
    assert torch.load(broken / "checkpoint.pt", weights_only=True)["step"] == 6
    command = [sys.executable, "-m", "training", *arguments(recipe, broken)]
    resumed = subprocess.run(command, capture_output=True, text=True, timeout=240, check=False)
    assert resumed.returncode == 0, resumed.stderr[-500:]
    assert (broken / "metrics.csv").read_bytes() == (whole / "metrics.csv").read_bytes()
    assert [line.split(",")[0] for line in (broken / "metrics.csv").read_text().splitlines()[1:]] == [
        str(step) for step in range(1, _STEPS + 1)
    ]
    name = next((whole / "package").iterdir()).name
    assert package_digest(broken / "package" / name) == package_digest(whole / "package" / name)
    assert not (broken / "checkpoint.part").exists()

"""Several processes on this machine that fit one network: started by the first, and gone with it.

Recipe, cases and state reach the others by files in a temporary folder (JSON, safetensors, a checkpoint), never by pickle. They
meet over gloo on CPUs and over NCCL on GPUs. A process's standard input tells it that the first one is gone.
"""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import torch
import torch.distributed as dist
from safetensors.torch import load_file, save_file
from torch import Tensor

from storage.base.clock import SystemClock
from storage.base.errors import TransientError
from training.data import GridCase
from training.fit.checkpoint import save_checkpoint
from training.fit.processes.ranks import Ranks
from training.recipe import Recipe

_PATIENCE = timedelta(hours=2)
"""How long a process waits for the others, which may be at a validation."""

_FAREWELL_S = 5.0
"""What they get to end by themselves."""


@dataclass(frozen=True, eq=False)
class Task:
    """What the processes do together: from ``state`` up to step ``until``, as ``ranks`` of the first process says."""

    recipe: Recipe
    cases: Sequence[GridCase]
    state: dict[str, Any]
    until: int
    ranks: Ranks
    device: torch.device


@contextmanager
def joined(task: Task) -> Iterator[None]:
    """Within it the further processes run, connected with this one; with one process nothing happens.

    Raises
    ------
    TransientError
        Code ``process-lost``: one of the others ended on its own account.
    """
    size = task.ranks.size
    if size == 1 or dist.is_initialized():
        yield
        return
    threads = torch.get_num_threads()
    share = max(1, threads // size)
    with TemporaryDirectory(prefix="wetread-fit-") as name:
        folder = Path(name)
        _write(task, folder, share)
        others = [_start(folder, number) for number in range(1, size)]
        try:
            _await_ready(folder, others)
            torch.set_num_threads(share)
            connect(folder, 0, size, task.device)
            yield
            dist.destroy_process_group()
            _failed(others)  # gives them the time to end by themselves
        except RuntimeError as error:
            if not _failed(others):
                raise
            lost = "one of the processes of --processes ended; the same command goes on from the last checkpoint"
            raise TransientError(lost, code="process-lost") from error
        finally:
            torch.set_num_threads(threads)
            if dist.is_initialized():
                dist.destroy_process_group()
            _end(others)


def connect(folder: Path, number: int, size: int, device: torch.device) -> None:
    """Meet the other processes by a file in ``folder``."""
    backend = "nccl" if device.type == "cuda" else "gloo"
    if device.type == "cuda":
        torch.cuda.set_device(device.index or 0)
    dist.init_process_group(backend, init_method=f"file://{folder}/meet", rank=number, world_size=size, timeout=_PATIENCE)


def _write(task: Task, folder: Path, threads: int) -> None:
    tensors: dict[str, Tensor] = {}
    heads = []
    for index, case in enumerate(task.cases):
        tensors[f"image.{index}"] = case.image.contiguous()
        if case.target is not None:
            tensors[f"target.{index}"] = case.target.contiguous()
        if case.instances is not None:
            tensors[f"instances.{index}"] = case.instances.contiguous()
        heads.append({"name": case.name, "class_index": case.class_index, "instance_labels": case.instance_labels})
    save_file(tensors, folder / "cases.safetensors")
    save_checkpoint(folder / "state.pt", task.state)
    recipe = task.recipe.model_dump(mode="json", by_alias=True)
    facts = {"size": task.ranks.size, "device": task.device.type, "until": task.until, "threads": threads}
    (folder / "task.json").write_text(json.dumps({"recipe": recipe, "cases": heads, **facts}), encoding="utf-8")


def read_cases(folder: Path, heads: list[dict[str, Any]]) -> list[GridCase]:
    """The cases of a task, mapped from its file, which all processes share in memory."""
    tensors = load_file(folder / "cases.safetensors")
    return [_case(index, head, tensors) for index, head in enumerate(heads)]


def _case(index: int, head: dict[str, Any], tensors: dict[str, Tensor]) -> GridCase:
    target, instances = tensors.get(f"target.{index}"), tensors.get(f"instances.{index}")
    labels = tuple(head["instance_labels"])
    return GridCase(head["name"], tensors[f"image.{index}"], target, head["class_index"], instances, labels)


def _start(folder: Path, number: int) -> subprocess.Popen[bytes]:
    command = [sys.executable, "-m", "training.fit.worker", str(folder), str(number)]
    return subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, start_new_session=True)


def _await_ready(folder: Path, others: list[subprocess.Popen[bytes]]) -> None:
    """Wait until every other process has built its network; RuntimeError when one ended instead."""
    clock = SystemClock()
    while not all((folder / f"ready-{number}").exists() for number in range(1, len(others) + 1)):
        if any(other.poll() is not None for other in others):
            raise RuntimeError("a process ended before its first step")
        clock.sleep(0.02)


def _failed(others: list[subprocess.Popen[bytes]]) -> bool:
    """Whether one of them failed, which a broken connection may be a moment ahead of."""
    clock = SystemClock()
    deadline_s = clock.monotonic_s() + _FAREWELL_S
    while None in [other.poll() for other in others] and clock.monotonic_s() < deadline_s:
        clock.sleep(0.02)
    return any(other.poll() for other in others)


def _end(others: list[subprocess.Popen[bytes]]) -> None:
    for other in others:
        assert other.stdin is not None
        other.stdin.close()
        try:
            other.wait(timeout=10)
        except subprocess.TimeoutExpired:
            other.kill()
            other.wait()

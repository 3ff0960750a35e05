"""``python -m training.fit.worker FOLDER NUMBER``: one of the further processes of a run; see ``training.fit.processes.team``."""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path
from shutil import rmtree
from threading import Thread

import torch
import torch.distributed as dist

from storage.base.errors import WetreadError
from training.fit.processes.ranks import Ranks
from training.fit.processes.team import connect, read_cases
from training.fit.trainer import Trainer
from training.recipe import Recipe


def main(folder: Path, number: int) -> int:
    """Fit along with the first process; 1 when the run failed, which the first process explains."""
    Thread(target=_go_with_the_first, args=[folder], daemon=True).start()
    task = json.loads((folder / "task.json").read_text(encoding="utf-8"))
    torch.set_num_threads(task["threads"])
    device = f"cuda:{number}" if task["device"] == "cuda" else "cpu"
    ranks = Ranks(number, task["size"])
    trainer = Trainer(Recipe.model_validate(task["recipe"]), read_cases(folder, task["cases"]), device=device, ranks=ranks)
    trainer.resume(folder / "state.pt")
    (folder / f"ready-{number}").touch()
    connect(folder, number, ranks.size, trainer.device)
    try:
        trainer.run(lambda _step, _figures: None, until=task["until"])
    except (WetreadError, RuntimeError):
        return 1
    finally:
        dist.destroy_process_group()
    return 0


def _go_with_the_first(folder: Path) -> None:
    """End when the first process has closed our standard input, by its end or by its will; it may have left its folder."""
    while os.read(sys.stdin.fileno(), 1):  # not by sys.stdin, whose lock would be held when the interpreter shuts down
        pass
    rmtree(folder, ignore_errors=True)
    os._exit(1)


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1]), int(sys.argv[2])))

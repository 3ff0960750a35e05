"""The averaged weights of a run's last checkpoints, kept beside them so that their mean can be taken at the end."""

from __future__ import annotations

from pathlib import Path

from safetensors.torch import load_file, save_file
from torch import Tensor

from training.fit.trainer import Report, Trainer
from training.run.folder import writable


class Snapshots:
    """Keeps the newest ``count`` in ``FOLDER/snapshots``, one at every checkpoint; none with a count of 0."""

    def __init__(self, folder: Path, count: int) -> None:
        self._folder, self._count = folder / "snapshots", count

    def reporting(self, trainer: Trainer, report: Report) -> Report:
        """``report``, and a snapshot where one is due."""
        if not self._count:
            return report
        with writable(self._folder):
            self._folder.mkdir(exist_ok=True)

        def both(step: int, figures: dict[str, float]) -> None:
            report(step, figures)
            if trainer.finished or step % trainer.recipe.fit.checkpoint_every == 0:
                self._save(trainer, step)

        return both

    def states(self, up_to: int) -> list[dict[str, Tensor]]:
        """Those of steps up to ``up_to``, oldest first."""
        return [load_file(path) for step, path in self._kept() if step <= up_to]

    def _save(self, trainer: Trainer, step: int) -> None:
        path = self._folder / f"{step:08d}.safetensors"
        part = path.with_suffix(".part")
        with writable(path):
            save_file({key: value.cpu().contiguous() for key, value in trainer.averaged.state_dict().items()}, part)
            part.replace(path)
        kept = self._kept()
        later = [old for number, old in kept if number > step]  # of an earlier try that went on, or of another run
        for old in [*later, *[old for number, old in kept if number <= step][: -self._count]]:
            old.unlink()

    def _kept(self) -> list[tuple[int, Path]]:
        return sorted((int(path.stem), path) for path in self._folder.glob("*.safetensors"))

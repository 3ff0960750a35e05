"""A run's folder that can't be written, and averaged weights that an earlier try left in it."""

from __future__ import annotations

from pathlib import Path

import pytest

from storage.base.errors import ConfigError, TransientError
from tests.unit.training.fit.task import cases, recipe, silent
from training.export.package import write_documents
from training.fit.trainer import Trainer
from training.plan import given_plan, write_plan
from training.run.folder import RunFolder
from training.run.snapshots import Snapshots


def test_a_folder_that_went_away_is_named_with_its_mend(tmp_path: Path) -> None:
    gone = tmp_path / "gone"
    with pytest.raises(TransientError, match=r"metrics\.json: can't be written \(No such file.*start the run again"):
        RunFolder(gone).write("metrics.json", {})
    with pytest.raises(ConfigError, match=r"plan\.json: can't be written \(No such file.*another --out"):
        write_plan(given_plan(recipe()), gone / "plan.json")
    with pytest.raises(ConfigError, match=r"gone: can't be written \(No such file"):
        write_documents(gone, "", {})
    with pytest.raises(TransientError, match=r"snapshots: can't be written"):
        Snapshots(gone, 2).reporting(Trainer(recipe(), cases()), silent)


def test_a_snapshot_on_a_full_disk_is_named(tmp_path: Path) -> None:
    trainer, snapshots = Trainer(recipe(steps=2), cases()), Snapshots(tmp_path, 2)
    report = snapshots.reporting(trainer, silent)
    (tmp_path / "snapshots").rmdir()
    with pytest.raises(TransientError, match=r"00000002\.safetensors: can't be written .*make room"):
        trainer.run(report)


def test_snapshots_of_a_longer_run_that_was_begun_anew_are_not_averaged(tmp_path: Path) -> None:
    for steps in (12, 6):
        trainer, snapshots = Trainer(recipe(steps=steps), cases()), Snapshots(tmp_path, 2)
        trainer.run(snapshots.reporting(trainer, silent))
    assert sorted(path.stem for path in (tmp_path / "snapshots").iterdir()) == ["00000004", "00000006"]
    ours = trainer.averaged.state_dict()
    assert all(bool((value == ours[key]).all()) for key, value in snapshots.states(6)[-1].items())
    assert len(snapshots.states(6)) == 2


def test_one_training_at_a_time_is_at_work_in_a_folder(tmp_path: Path) -> None:
    folder = RunFolder.made(tmp_path / "run")
    with folder.held(), pytest.raises(ConfigError, match="another training is at work in it; wait") as caught, folder.held():
        pass
    assert caught.value.reason_code == "run-busy"
    with folder.held():
        pass

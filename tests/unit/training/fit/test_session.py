from __future__ import annotations

import json
import os
import signal
import sys
from pathlib import Path

import pytest
import yaml

from storage.base.errors import ConfigError
from tests.unit.training.fit.task import cases, digest, fitted, recipe, silent
from training.fit.session import fit
from training.fit.stop import RunStopped, stop_signals
from training.fit.trainer import Trainer


def trainer(**told: object) -> Trainer:
    return Trainer(recipe(**told), cases(), cases(3, seed=2))  # type: ignore[arg-type]


@pytest.mark.parametrize("which", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_ends_the_run_in_order_and_it_goes_on(which: signal.Signals, tmp_path: Path) -> None:
    whole, broken = tmp_path / "whole", tmp_path / "broken"
    whole.mkdir()
    broken.mkdir()
    fit(trainer(), whole, silent)

    def ask(step: int, _figures: dict[str, float]) -> None:
        if step == 3:
            os.kill(os.getpid(), which)

    with pytest.raises(RunStopped, match=rf"stopped by {which.name} after step [34]; .*checkpoint\.pt holds it, and the same"):
        fit(trainer(), broken, ask)
    second = trainer()
    fit(second, broken, silent)
    assert digest(second) == digest(fitted(recipe()))
    assert (broken / "metrics.csv").read_bytes() == (whole / "metrics.csv").read_bytes()


def test_a_second_signal_does_what_it_always_does() -> None:
    before = signal.signal(signal.SIGINT, signal.default_int_handler)  # what runs in the background is started without it
    with pytest.raises(KeyboardInterrupt), stop_signals() as asked:
        os.kill(os.getpid(), signal.SIGINT)
        assert asked() == "SIGINT"
        os.kill(os.getpid(), signal.SIGINT)
    assert signal.signal(signal.SIGINT, before) is signal.default_int_handler


def test_a_finished_run_is_left_as_it_is(tmp_path: Path) -> None:
    fit(trainer(), tmp_path, silent)
    before = (tmp_path / "checkpoint.pt").read_bytes(), (tmp_path / "metrics.csv").read_bytes()
    again = trainer()
    history = fit(again, tmp_path, silent)
    assert again.finished and [row["step"] for row in history.rows] == [2, 3, 4, 6]
    assert before == ((tmp_path / "checkpoint.pt").read_bytes(), (tmp_path / "metrics.csv").read_bytes())


def test_tensorboard_holds_every_row_of_a_run_that_went_on(tmp_path: Path) -> None:
    events = pytest.importorskip("tensorboard.backend.event_processing.event_accumulator")
    with pytest.raises(RunStopped):
        fit(trainer(), tmp_path, lambda step, _figures: os.kill(os.getpid(), signal.SIGTERM) if step == 3 else None)
    rows = fit(trainer(), tmp_path, silent, trackers=["tensorboard"]).rows
    read = events.EventAccumulator(str(tmp_path / "tensorboard"))
    read.Reload()
    assert [(event.step, event.value) for event in read.Scalars("loss")] == [
        (row["step"], pytest.approx(row["loss"])) for row in rows
    ]
    assert [event.step for event in read.Scalars("dice")] == [3, 6]


def test_tensorboard_that_is_not_installed_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "torch.utils.tensorboard", None)
    with pytest.raises(ConfigError, match=r"--track tensorboard: .* pip install 'wetread\[tensorboard\]'"):
        fit(trainer(), tmp_path, silent, trackers=["tensorboard"])


def test_mlflow_files_are_laid_out_as_mlflow_reads_them(tmp_path: Path) -> None:
    rows = fit(trainer(), tmp_path, silent, trackers=["mlflow"]).rows
    (run,) = (path.parent for path in (tmp_path / "mlruns" / "1").glob("*/meta.yaml"))
    lines = [line.split() for line in (run / "metrics" / "loss").read_text().splitlines()]
    assert [(int(step), float(value)) for _time, value, step in lines] == [(row["step"], row["loss"]) for row in rows]
    meta = yaml.safe_load((run / "meta.yaml").read_text())
    assert meta["run_id"] == run.name and meta["status"] == 3 and meta["end_time"] >= meta["start_time"]
    assert json.loads((tmp_path / "metrics.jsonl").read_text().splitlines()[0])["step"] == 2

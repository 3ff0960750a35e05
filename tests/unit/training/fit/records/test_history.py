from __future__ import annotations

import csv
import json
import math
from pathlib import Path

import pytest

from storage.base.clock import ManualClock
from storage.base.errors import TransientError
from training.fit.records.history import History, Row


def opened(folder: Path, step: int = 0, clock: ManualClock | None = None) -> History:
    return History(folder, step, ["dice"], 4, clock or ManualClock())


def figures(step: int) -> Row:
    found: Row = {"loss": 9.0, "learning_rate": 0.1, "mean_loss": step / 3}
    return {**found, "dice": 0.5} if step == 4 else found


def write(history: History, *steps: int) -> None:
    with history:
        for step in steps:
            history.add(step, figures(step))


def test_rows_hold_the_mean_loss_and_the_rate(tmp_path: Path) -> None:
    clock = ManualClock()
    with opened(tmp_path, clock=clock) as history:
        assert history.add(1, {"loss": 1.0, "learning_rate": 0.1}) is None
        clock.sleep(2)
        history.add(2, figures(2))
        clock.sleep(1)
        history.add(4, figures(4))
    rows = [json.loads(line) for line in (tmp_path / "metrics.jsonl").read_text().splitlines()]
    assert rows[0] == {"step": 2, "loss": 2 / 3, "learning_rate": 0.1, "seconds": 2.0, "samples_per_s": 4.0}
    assert rows[1]["seconds"] == 3.0 and rows[1]["samples_per_s"] == 8.0 and rows[1]["dice"] == 0.5
    table = list(csv.DictReader((tmp_path / "metrics.csv").read_text().splitlines()))
    assert table[0] == {"step": "2", "loss": "0.666667", "learning_rate": "0.1", "dice": ""} and table[1]["dice"] == "0.5"


def test_a_run_that_goes_on_has_no_row_twice_and_none_too_few(tmp_path: Path) -> None:
    whole, broken = tmp_path / "whole", tmp_path / "broken"
    whole.mkdir()
    broken.mkdir()
    write(opened(whole), 2, 4, 6, 8)
    write(opened(broken), 2, 4, 6)
    with (broken / "metrics.jsonl").open("a") as stream:
        stream.write('{"step": 8, "lo')  # killed while it wrote
    clock = ManualClock()
    again = opened(broken, step=4, clock=clock)
    clock.sleep(1)
    write(again, 6, 8)
    assert (broken / "metrics.csv").read_bytes() == (whole / "metrics.csv").read_bytes()
    seconds = [json.loads(line)["seconds"] for line in (broken / "metrics.jsonl").read_text().splitlines()]
    assert seconds == [0, 0, 1, 1]  # time of the tries adds up


def test_what_is_no_number_is_null(tmp_path: Path) -> None:
    with opened(tmp_path) as history:
        history.add(2, {**figures(2), "dice": math.nan})
    assert json.loads((tmp_path / "metrics.jsonl").read_text())["dice"] is None
    assert math.isnan(opened(tmp_path, step=2).rows[0]["dice"])


def test_unwritable_folder_is_named(tmp_path: Path) -> None:
    with pytest.raises(TransientError, match=r"metrics\.jsonl: can't be written"):
        write(opened(tmp_path / "missing"), 2)


def test_a_line_that_is_none_of_ours_ends_what_is_read(tmp_path: Path) -> None:
    write(opened(tmp_path), 1, 2)
    lines = tmp_path / "metrics.jsonl"
    lines.write_text(lines.read_text() + "7\n")
    assert [row["step"] for row in opened(tmp_path, step=9).rows] == [1, 2]

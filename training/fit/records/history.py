"""The figures of a run on disk: ``metrics.jsonl`` with everything, ``metrics.csv`` with what two runs of a recipe have in common.

A row is on disk before the checkpoint that holds its step. When a run goes on, rows of steps that its checkpoint hasn't seen are
taken out, so that no step has two rows and none that should have one is without.
"""

from __future__ import annotations

import csv
import io
import json
import math
import os
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType
from typing import Self, TextIO

from storage.base.clock import Clock
from storage.base.errors import TransientError

Row = dict[str, float]
_ALWAYS = ("step", "loss", "learning_rate")


class History:
    """Both files, open for the rows to come.

    Parameters
    ----------
    folder : of the run.
    step : steps done; later rows of an earlier try are dropped.
    figures : names of what a validation yields: further columns, empty in rows without one.
    samples : per step, for the rate.

    Attributes
    ----------
    rows : all rows so far, the earlier tries' too.
    """

    def __init__(self, folder: Path, step: int, figures: Sequence[str], samples: int, clock: Clock) -> None:
        self._csv, self._jsonl = folder / "metrics.csv", folder / "metrics.jsonl"
        self._columns = [*_ALWAYS, *figures]
        self._samples, self._clock = samples, clock
        self.rows = [row for row in _read(self._jsonl) if row["step"] <= step]
        self._before_s = self.rows[-1]["seconds"] if self.rows else 0.0
        self._started_s, self._last = clock.monotonic_s(), (step, clock.monotonic_s())
        self._streams: tuple[TextIO, TextIO] | None = None

    def __enter__(self) -> Self:
        try:
            _replace(self._jsonl, "".join(_line(row) for row in self.rows))
            _replace(self._csv, self._as_csv(self.rows, head=True))
            self._streams = self._jsonl.open("a", encoding="utf-8"), self._csv.open("a", encoding="utf-8", newline="")
        except OSError as error:
            raise _unwritable(self._jsonl, error) from error
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        for stream in self._streams or ():
            stream.close()

    def add(self, step: int, figures: Row) -> Row | None:
        """Write a row if ``figures`` hold the mean loss since the last; returns it."""
        if "mean_loss" not in figures:
            return None
        now_s = self._clock.monotonic_s()
        passed_s = max(now_s - self._last[1], 1e-9)
        row = {
            **figures,
            "loss": figures["mean_loss"],
            "step": step,
            "seconds": round(self._before_s + now_s - self._started_s, 3),
        }
        row["samples_per_s"] = round((step - self._last[0]) * self._samples / passed_s, 2)
        del row["mean_loss"]
        self._last = step, now_s
        self.rows.append(row)
        assert self._streams is not None, "History is used as a context"
        try:
            for stream, text in zip(self._streams, (_line(row), self._as_csv([row])), strict=True):
                stream.write(text)
                stream.flush()
                os.fsync(stream.fileno())
        except OSError as error:
            raise _unwritable(self._jsonl, error) from error
        return row

    def _as_csv(self, rows: Sequence[Row], head: bool = False) -> str:
        text = io.StringIO()
        lines = csv.writer(text, lineterminator="\n")
        if head:
            lines.writerow(self._columns)
        lines.writerows([[_short(row[name]) if name in row else "" for name in self._columns] for row in rows])
        return text.getvalue()


def _short(value: float) -> str:
    """Six significant digits, whole numbers as such."""
    return str(value) if isinstance(value, int) else f"{value:.6g}"


def _line(row: Row) -> str:
    """One document; what isn't a number is null, as JSON has no word for it."""
    known = {key: value if math.isfinite(value) else None for key, value in row.items()}
    return json.dumps(known) + "\n"


def _read(path: Path) -> list[Row]:
    """The rows in a file, up to a line that a kill has cut or that is none of ours."""
    rows: list[Row] = []
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError):
        return rows
    for line in lines:
        try:
            found = json.loads(line)
            rows.append({key: math.nan if value is None else value for key, value in found.items()})
        except (ValueError, AttributeError):
            break
    return rows


def _replace(path: Path, text: str) -> None:
    part = path.with_name(f"{path.name}.part")
    part.write_text(text, encoding="utf-8")
    part.replace(path)


def _unwritable(path: Path, error: OSError) -> TransientError:
    message = f"{path}: can't be written ({error.strerror}); make room and start the run again: it goes on from its checkpoint"
    return TransientError(message, code="metrics-unwritable")

"""A CSV table that says more about the cases: its rows by a column, and numbers out of its cells."""

from __future__ import annotations

import csv
import math
from collections.abc import Mapping
from pathlib import Path

from storage.base.errors import ConfigError
from training.data.sources.files import inside, need

Row = Mapping[str, str]


def read_table(folder: Path, table: str, columns: list[str]) -> list[Row]:
    """The rows of a table (UTF-8, comma, a header line), which must have ``columns``.

    Raises
    ------
    ConfigError
        Codes ``data-missing``, ``data-invalid``.
    """
    path = need(folder / inside(table, "data.table"), "the recipe's data.table")
    try:
        with path.open(newline="", encoding="utf-8-sig") as stream:
            reader = csv.DictReader(stream)
            rows: list[Row] = [{key: value or "" for key, value in row.items() if key is not None} for row in reader]
            header = reader.fieldnames or []
    except (csv.Error, UnicodeDecodeError) as error:
        raise ConfigError(f"{path}: no readable CSV table; correct it", code="data-undecodable") from error
    for column in columns:
        if column and column not in header:
            known = ", ".join(header)
            raise ConfigError(
                f"{path}: no column {column!r}; it has: {known}; correct the recipe or the table", code="data-invalid"
            )
    return rows


def number_in(row: Row, column: str, name: str) -> float:
    """A finite number of a row.

    Raises
    ------
    ConfigError
        Code ``data-invalid``, naming case and column.
    """
    try:
        value = float(row[column])
    except ValueError:
        value = math.nan
    if not math.isfinite(value):
        raise ConfigError(f"{name}: the table's column {column} holds no number; correct the table", code="data-invalid")
    return value


def numbers_in(row: Row, columns: Mapping[str, str], name: str) -> dict[str, float]:
    """Name to number; an empty cell is left out, since not everything is measured in every case."""
    return {key: number_in(row, column, name) for key, column in columns.items() if row[column].strip()}

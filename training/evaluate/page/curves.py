"""Charts of a run's ``metrics.csv``: a column ``step``, ``loss``, ``learning_rate``, and the validation's own."""

from __future__ import annotations

import csv
from collections.abc import Mapping
from pathlib import Path

from storage.base.errors import ConfigError
from training.evaluate.page.charts import curves_chart

_LOSSES = {"loss": "training", "validation loss": "validation"}


def curve_charts(path: Path) -> dict[str, str]:
    """Title to SVG text: loss, and validation where there is any.

    Raises
    ------
    ConfigError
        Code ``metrics-unreadable``.
    """
    try:
        with path.open(newline="", encoding="utf-8") as stream:
            columns = _columns(list(csv.DictReader(stream)))
    except (OSError, ValueError, KeyError) as error:
        raise ConfigError(f"{path}: no readable metrics of a run; name another", code="metrics-unreadable") from error
    losses = {shown: columns[name] for name, shown in _LOSSES.items() if columns.get(name)}
    scores = {
        _score(name): points for name, points in columns.items() if name not in (*_LOSSES, "step", "learning_rate") and points
    }
    charts = {"Loss": curves_chart("Loss", "loss", losses), "Validation": curves_chart("Validation", "score", scores)}
    return {title: chart for title, chart in charts.items() if chart}


def _score(column: str) -> str:
    """A column's name as people write it: ``AUC``, ``Dice of Liver``."""
    label = column.removeprefix("dice ")
    return {"auc": "AUC", "dice": "Dice, mean of the labels"}.get(column, column if label == column else f"Dice of {label}")


def _columns(rows: list[Mapping[str, str]]) -> dict[str, list[tuple[float, float]]]:
    """Name to (step, value) of the rows that have one."""
    names = list(rows[0]) if rows else []
    return {name: [(float(row["step"]), float(row[name])) for row in rows if row[name]] for name in names}

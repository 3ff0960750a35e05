"""The table of a comparison: ``comparison.csv``, ``comparison.json``, ``comparison.md``, of the same rows."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from storage.base.errors import ConfigError
from training.evaluate.figures.bootstrap import Figure
from training.run.paired import Row

_COLUMNS = ("figure", "variant", "seeds", "value", "low", "high", "spread", "difference", "difference_low", "difference_high")


def write_tables(folder: Path, against: str, rows: Sequence[Row], among: Sequence[str] = ()) -> None:
    """Write all three.

    Parameters
    ----------
    against : the variant that differences are from. among : the variants that it is the best of, where it was chosen so.

    Raises
    ------
    ConfigError
        Code ``not-writable``.
    """
    documents = [document_of(row) for row in rows]
    lines = io.StringIO()
    table = csv.DictWriter(lines, _COLUMNS, lineterminator="\n")
    table.writeheader()
    table.writerows({key: "" if value is None else value for key, value in one.items()} for one in documents)
    texts = {
        "comparison.csv": lines.getvalue(),
        "comparison.json": json.dumps({"format": 1, "against": against, "among": list(among), "rows": documents}, indent=2)
        + "\n",
        "comparison.md": markdown(against, rows, among),
    }
    try:
        for name, text in texts.items():
            (folder / name).write_text(text, encoding="utf-8")
    except OSError as error:
        raise ConfigError(f"{folder}: can't be written ({error.strerror}); name another --out", code="not-writable") from error


def document_of(row: Row) -> dict[str, Any]:
    """A row as plain values."""
    figure, difference = row.figure.document(), row.difference.document() if row.difference else {}
    return {
        "figure": row.metric,
        "variant": row.variant,
        "seeds": row.seeds,
        "value": figure["value"],
        "low": figure["low"],
        "high": figure["high"],
        "spread": None if row.spread is None else round(row.spread, 4),
        "difference": difference.get("value"),
        "difference_low": difference.get("low"),
        "difference_high": difference.get("high"),
    }


def markdown(against: str, rows: Sequence[Row], among: Sequence[str] = ()) -> str:
    """The table with intervals, for people."""
    lines = [f"| Figure | Variant | Value (95 % interval) | SD over seeds | Minus {against} |", "| --- | --- | --- | --- | --- |"]
    for row in rows:
        spread = "" if row.spread is None else f"{row.spread:.4f}"
        lines.append(f"| {row.metric} | {row.variant} | {row.figure.text()} | {spread} | {_signed(row.difference)} |")
    count, groups = rows[0].figure.cases, rows[0].figure.groups
    lines += ["", f"{count} test cases of {groups} groups; differences are paired, intervals from a bootstrap over groups."]
    told = {row.metric for row in rows if row.variant == against}
    if any(row.metric not in told for row in rows):
        lines += ["", f"Where {against} has no such figure, there is no difference from it."]
    if among:
        chosen = (
            f"{against} is the best of {', '.join(among)} on these very cases, so that differences from it are rather too small."
        )
        lines += ["", chosen]
    return "\n".join(lines) + "\n"


def _signed(figure: Figure | None) -> str:
    if figure is None:
        return ""
    if figure.low is None or figure.high is None:
        return f"{figure.value:+.3f}"
    clear = " *" if figure.low > 0 or figure.high < 0 else ""
    return f"{figure.value:+.3f} ({figure.low:+.3f} to {figure.high:+.3f}){clear}"

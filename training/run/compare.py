"""Runs the variants of a comparison, each seed in a folder of its own, and compares them on the same held-out cases."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from storage.base.clock import Clock
from storage.base.errors import ConfigError
from training.data import DataSet, read_parts
from training.plan import digest_of
from training.recipe import Recipe
from training.run.folder import RunFolder
from training.run.paired import Row, best_of, compared
from training.run.prepare import Options
from training.run.progress import Track
from training.run.single import train
from training.run.tables import write_tables


@dataclass(frozen=True)
class Compared:
    """The table's rows, what the comparison was against, and which variants that is the best of, if any."""

    against: str
    rows: tuple[Row, ...]
    among: tuple[str, ...] = ()


def compare(
    variants: Mapping[str, Sequence[Recipe]], candidates: Sequence[str], out: Path, options: Options, clock: Clock, track: Track
) -> Compared:
    """Fit what isn't fitted yet, then measure all against one.

    Parameters
    ----------
    candidates : the variant to measure against; of several the best one.

    Raises
    ------
    ConfigError
        A run fails, or the variants weren't measured on the same cases.
    """
    folder = RunFolder.made(out)
    documents = {
        name: [_finished(recipe, out / name / f"seed-{recipe.seed}", options, clock, track) for recipe in recipes]
        for name, recipes in variants.items()
    }
    against = best_of(documents, candidates)
    first = variants[against][0]
    groups = _groups(read_parts(first, options.data))
    rows = compared(documents, against, groups, first.seed, first.evaluation.bootstrap)
    among = tuple(candidates) if len(candidates) > 1 else ()
    write_tables(folder.path, against, rows, among)
    return Compared(against, tuple(rows), among)


def _finished(recipe: Recipe, folder: Path, options: Options, clock: Clock, track: Track) -> dict[str, Any]:
    """The figures of a run; it is carried out unless the folder holds those of this very recipe."""
    path = folder / "metrics.json"
    known = _read(path)
    if known is None or known.get("recipe") != digest_of(recipe):
        train(recipe, folder, options, clock, track)
        known = _read(path)
    if known is None:
        raise ConfigError(f"{path}: can't be read; remove {folder} and start the comparison again", code="metrics-unreadable")
    return known


def _read(path: Path) -> dict[str, Any] | None:
    try:
        document = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    return document if isinstance(document, dict) else None


def _groups(dataset: DataSet) -> dict[str, str]:
    return {entry.name: entry.group for entry in dataset.of("test")}

"""Finds the files that a recipe's patterns name below the data's folder, and nothing outside it."""

from __future__ import annotations

from pathlib import Path, PurePath

from storage.base.errors import ConfigError
from training.data.names import stem_of


def find(folder: Path, pattern: str, key: str) -> list[Path]:
    """The files below ``folder`` that match, sorted.

    Raises
    ------
    ConfigError
        Codes ``no-data`` (there is none), ``recipe-invalid`` (the pattern leads out of the folder).
    """
    found = sorted(path for path in folder.glob(inside(pattern, key)) if path.is_file())
    if not found:
        raise ConfigError(f"{folder}: no file {pattern} ({key}); name the right folder by --data", code="no-data")
    return found


def inside(pattern: str, key: str) -> str:
    """``pattern``, when it is relative and stays inside; for a recipe must not read anything else."""
    parts = PurePath(pattern).parts
    if not parts or PurePath(pattern).is_absolute() or ".." in parts:
        raise ConfigError(f"{key}: {pattern!r} must be a path below --data, without ..; correct it", code="recipe-invalid")
    return pattern


def fill(pattern: str, image: Path, folder: Path) -> str:
    """``pattern`` with ``{name}``, ``{stem}`` and ``{folder}`` of an image file filled in."""
    within = image.parent.relative_to(folder).as_posix()
    for word, value in (("{name}", image.name), ("{stem}", stem_of(image.name)), ("{folder}", within)):
        pattern = pattern.replace(word, value)
    return pattern


def need(path: Path, what: str) -> Path:
    """``path``, when such a file is there.

    Raises
    ------
    ConfigError
        Code ``data-missing``.
    """
    if not path.is_file():
        raise ConfigError(f"{path}: {what} is missing; add the file or take its case out", code="data-missing")
    return path

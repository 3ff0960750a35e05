"""What a file's place and name say: the case's name, its number and the group that it belongs to."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path

from storage.base.errors import ConfigError
from training.recipe.data import Grouping

_ENDINGS = (".nii.gz", ".nii", ".png", ".jpg", ".jpeg", ".bmp", ".tif", ".tiff", ".dcm")
_WILDCARDS = re.compile(r"[*?\[]")


def stem_of(filename: str) -> str:
    """The file's name without its ending."""
    for ending in _ENDINGS:
        if filename.lower().endswith(ending):
            return filename[: -len(ending)]
    return filename


def name_of(path: Path, folder: Path, pattern: str) -> str:
    """The case's name: the path from the first wildcard of ``pattern`` on, without the file's ending."""
    relative = path.relative_to(folder).parts
    fixed = 0
    for part in Path(pattern).parts[:-1]:
        if _WILDCARDS.search(part):
            break
        fixed += 1
    return "/".join((*relative[fixed:-1], stem_of(relative[-1])))


def number_of(name: str, pattern: str = "") -> int:
    """The last number in a name, or what the first parenthesis of ``pattern`` finds.

    Raises
    ------
    ConfigError
        Code ``data-invalid``: it has none.
    """
    found = re.findall(r"\d+", stem_of(name))
    if pattern:
        match = re.search(pattern, name)
        found = [match.group(1)] if match and (match.group(1) or "").isdecimal() else []
    if not found:
        raise ConfigError(
            f"{name}: no number in the name, which the split goes by; use another kind of split", code="data-invalid"
        )
    return int(found[-1])


def group_of(name: str, grouping: Grouping, row: Mapping[str, str] | None = None) -> str:
    """The group of a case by its name, or by ``row``, its row in the source's table.

    Spaces around it and upper or lower case make no other group: to part one person is worse than to keep two together.

    Raises
    ------
    ConfigError
        Code ``data-invalid``: the name has no number, the pattern finds nothing, or there is no such column.
    """
    if grouping.by == "consecutive":
        return f"{grouping.means} {(number_of(name) - 1) // grouping.size + 1}"
    if grouping.by == "pattern":
        found = re.search(grouping.pattern, name)
        if found is None or not found.group(1):
            raise ConfigError(f"{name}: data.group.pattern finds nothing in it; correct the pattern", code="data-invalid")
        return f"{grouping.means} {_alike(found.group(1))}"
    if grouping.by == "column":
        if row is None or not row.get(grouping.column, "").strip():
            raise ConfigError(
                f"{name}: the table has nothing in the column {grouping.column} (data.group.column); correct key or table",
                code="data-invalid",
            )
        return f"{grouping.means} {_alike(row[grouping.column])}"
    if grouping.by in ("patient", "study"):
        raise ConfigError(f"data.group.by: {grouping.by} is for DICOM alone; use another grouping", code="recipe-invalid")
    return name


def _alike(text: str) -> str:
    return " ".join(text.split()).casefold()

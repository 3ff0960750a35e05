"""What a case's name says: its number and the group that it belongs to."""

from __future__ import annotations

import re

from storage.base.errors import ConfigError
from training.recipe.data import Grouping

_ENDINGS = (".nii.gz", ".nii", ".png")


def stem_of(filename: str) -> str:
    """The file's name without its ending."""
    for ending in _ENDINGS:
        if filename.endswith(ending):
            return filename.removesuffix(ending)
    return filename


def number_of(name: str) -> int:
    """The last number in a name.

    Raises
    ------
    ConfigError
        Code ``data-invalid``: it has none.
    """
    found = re.findall(r"\d+", stem_of(name))
    if not found:
        raise ConfigError(
            f"{name}: no number in the name, which the split goes by; use another kind of split", code="data-invalid"
        )
    return int(found[-1])


def group_of(name: str, grouping: Grouping) -> str:
    """The group of a case by its name; grouping by a column is the table's business."""
    if grouping.by == "consecutive":
        return f"{grouping.means} {(number_of(name) - 1) // grouping.size + 1}"
    if grouping.by == "pattern":
        found = re.search(grouping.pattern, name)
        if found is None:
            raise ConfigError(f"{name}: data.group.pattern finds nothing in it; correct the pattern", code="data-invalid")
        return f"{grouping.means} {found.group(1)}"
    return name

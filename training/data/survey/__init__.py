"""One reading of every case, after which a few figures and a small likeness stand for it."""

from __future__ import annotations

from collections.abc import Sequence

from training.data.entry import Entry
from training.data.survey.facts import Facts, facts_of

__all__ = ["Facts", "survey"]


def survey(entries: Sequence[Entry], classes: int, side: int) -> dict[str, Facts]:
    """The facts of each case by name; voxels are read one case at a time and not kept.

    Parameters
    ----------
    side : pixels an axis of the likeness; volumes take half of it.

    Raises
    ------
    ConfigError
        A file that can't be used, or voxels that aren't finite.
    """
    return {entry.name: facts_of(entry.read(), classes, side) for entry in entries}

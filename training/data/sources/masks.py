"""Finds the masks that belong to images, several to one if need be."""

from __future__ import annotations

import glob
import re
from bisect import bisect_left
from fnmatch import fnmatchcase
from pathlib import Path

from training.data.sources.files import fill, inside

_WILDCARD = re.compile(r"[*?\[]")
_LAST = "\U0010ffff"


class Masks:
    """The masks of one image after the other. Each folder is listed once, which a glob for every image would not do.

    Parameters
    ----------
    pattern : ``data.masks`` of a recipe; wildcards in its last part alone.
    """

    def __init__(self, folder: Path, pattern: str) -> None:
        self._folder = folder
        self._parent, _, self._last = inside(pattern, "data.masks").rpartition("/")
        wildcard = _WILDCARD.search(self._last)
        self._start = self._last[: wildcard.start()] if wildcard else self._last
        self._end = self._last[len(self._start) :]
        self._listed: dict[Path, list[str]] = {}

    def of(self, image: Path) -> list[Path]:
        """The masks of an image, sorted; the image itself is none of them."""
        parent = self._folder / fill(self._parent, image, self._folder)
        start = fill(self._start, image, self._folder)
        wanted = glob.escape(start) + fill(self._end, image, self._folder)
        names = self._names(parent)
        near = names[bisect_left(names, start) : bisect_left(names, start + _LAST)]
        return [parent / name for name in near if fnmatchcase(name, wanted) and parent / name != image]

    def _names(self, parent: Path) -> list[str]:
        if parent not in self._listed:
            self._listed[parent] = sorted(path.name for path in parent.iterdir()) if parent.is_dir() else []
        return self._listed[parent]

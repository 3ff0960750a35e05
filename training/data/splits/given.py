"""Parts as the source gives them, or as a JSON file of case names by part gives them."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

from storage.base.errors import ConfigError
from training.data.entry import Entry
from training.recipe import PartName
from training.recipe.data.split import GivenSplit

SHIPPED = Path(__file__).parents[2] / "recipes"
_PARTS: tuple[PartName, ...] = ("train", "validate", "test")


def given_parts(entries: Sequence[Entry], split: GivenSplit, folder: Path) -> dict[str, PartName]:
    """Part by case name; a case that is in no part is left out.

    Raises
    ------
    ConfigError
        Codes ``data-missing`` (no file, a case that isn't there), ``data-invalid``.
    """
    if split.file:
        return _of_file(entries, _located(split.file, folder))
    parts = {entry.name: entry.part for entry in entries if entry.part is not None}
    if not parts:
        raise ConfigError(
            "data.split.kind is given, but the source gives no part; name data.split.file or another kind", code="data-invalid"
        )
    return parts


def _located(file: str, folder: Path) -> Path:
    """Below ``--data``, else from the working directory, else beside the recipes that ship."""
    places = [folder / file, Path(file), SHIPPED / file]
    for place in places:
        if place.is_file():
            return place
    raise ConfigError(f"data.split.file: {places[0]}, {places[1]}: no such file; name an existing one", code="data-missing")


def _of_file(entries: Sequence[Entry], path: Path) -> dict[str, PartName]:
    try:
        document = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise ConfigError(f"{path}: no readable JSON; correct it", code="data-undecodable") from error
    lists = [document.get(part) if isinstance(document, dict) else None for part in _PARTS]
    if not all(isinstance(names, list) and all(isinstance(name, str) for name in names) for names in lists):
        raise ConfigError(f"{path}: needs lists of case names under train, validate and test; correct it", code="data-invalid")
    known = {entry.name for entry in entries}
    parts: dict[str, PartName] = {}
    for part in _PARTS:
        for name in document[part]:
            if name not in known:
                raise ConfigError(f"{path}: {name!r} ({part}) is no case of the data; correct the name", code="data-missing")
            if name in parts:
                raise ConfigError(f"{path}: {name} stands in {parts[name]} and {part}; leave it in one", code="leaking-split")
            parts[name] = part
    return parts

"""A CSV table whose rows are the cases: the ``csv`` source."""

from __future__ import annotations

from pathlib import Path

from storage.base.errors import ConfigError
from training.data.entry import Entry
from training.data.names import group_of, stem_of
from training.data.sources.files import inside, need
from training.data.sources.images import class_of, label_for, spacing_in, traits_in
from training.data.sources.pictures import Picture
from training.data.sources.table import Row, numbers_in, read_table
from training.recipe import PartName
from training.recipe.data import TableData

_PARTS: dict[str, PartName] = {"train": "train", "validate": "validate", "val": "validate", "valid": "validate", "test": "test"}
_PARTS |= {"training": "train", "validation": "validate"}


def listed_entries(data: TableData, labels: int, classes: int, folder: Path) -> list[Entry]:
    """One case a row, named by its image's path without the ending; ``labels`` and ``classes`` as of ``image_entries``.

    Raises
    ------
    ConfigError
        Codes ``data-missing``, ``data-invalid``, ``labels-out-of-range``.
    """
    columns = [data.image_column, data.mask_column, data.class_column, data.part_column, data.spacing_column, data.group.column]
    columns += [*data.truth_columns.values(), *data.trait_columns.values()]
    rows = read_table(folder, data.table, columns)
    if not rows:
        raise ConfigError(f"{folder / data.table}: has no row; name another table", code="no-data")
    return [_entry(data, labels, classes, folder, row) for row in rows]


def _entry(data: TableData, labels: int, classes: int, folder: Path, row: Row) -> Entry:
    image = need(folder / inside(row[data.image_column], "data.image_column"), "an image of the table")
    name = stem_of(image.relative_to(folder).as_posix())
    masks = None
    if data.mask_column:
        masks = [need(folder / inside(row[data.mask_column], "data.mask_column"), f"the mask of {name}")]
    text = row[data.class_column] if data.class_column else ""
    index = class_of(text, data.classes, classes, name) if data.class_column else None
    picture = Picture(
        image, masks, spacing_in(data, row, name), data.colour, data.mask, labels, data.instances, label_for(data, index)
    )
    return Entry(
        name,
        group_of(name, data.group, row),
        picture.load,
        part=_part_of(row, data.part_column, name),
        class_index=index,
        truths=numbers_in(row, data.truth_columns, name),
        traits=traits_in(data, row, text),
    )


def _part_of(row: Row, column: str, name: str) -> PartName | None:
    if not column:
        return None
    part = _PARTS.get(row[column].strip().lower())
    if part is None:
        raise ConfigError(
            f"{name}: {row[column]!r} in the column {column} is none of train, validate, test; correct the table",
            code="data-invalid",
        )
    return part

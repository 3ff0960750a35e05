"""Folders of images with masks, classes and a table: the ``png`` source."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from storage.base.errors import ConfigError
from training.data.entry import Entry
from training.data.names import group_of, name_of
from training.data.sources.files import find
from training.data.sources.masks import Masks
from training.data.sources.pictures import Picture
from training.data.sources.table import Row, number_in, numbers_in, read_table
from training.recipe.data import ImageData, TableData


def image_entries(data: ImageData, labels: int, classes: int, folder: Path) -> list[Entry]:
    """Every image that the recipe's pattern finds and that is no other image's mask.

    Parameters
    ----------
    labels, classes : how many values a mask may hold, and how many classes an image may be of, each with 0.

    Raises
    ------
    ConfigError
        Codes ``no-data``, ``data-missing`` (a mask, a row), ``data-invalid``.
    """
    found = find(folder, data.images, "data.images")
    finder = Masks(folder, data.masks) if data.masks else None
    masks = {path: finder.of(path) for path in found} if finder else {}
    taken = {mask for paths in masks.values() for mask in paths}
    rows = _rows_of(data, folder)
    return [_entry(data, (labels, classes), folder, path, masks.get(path), rows) for path in found if path not in taken]


def _entry(
    data: ImageData, counts: tuple[int, int], folder: Path, path: Path, masks: list[Path] | None, rows: Mapping[str, Row] | None
) -> Entry:
    name, (labels, classes) = name_of(path, folder, data.images), counts
    if masks == []:
        raise ConfigError(f"{path}: no mask {data.masks} (data.masks); add it or take the image out", code="data-missing")
    row: Row = {}
    if rows is not None:
        if path.name not in rows:
            message = f"{path.name}: has no row in {data.table}; add it or take the image out"
            raise ConfigError(message, code="data-missing")
        row = rows[path.name]
    text = path.parent.name if data.class_from == "folder" else row.get(data.class_from, "")
    index = class_of(text, data.classes, classes, name) if data.class_from else None
    picture = Picture(
        path, masks, spacing_in(data, row, name), data.colour, data.mask, labels, data.instances, label_for(data, index)
    )
    return Entry(
        name,
        group_of(name, data.group, row),
        picture.load,
        class_index=index,
        truths=numbers_in(row, data.truth_columns, name),
        traits=traits_in(data, row, text),
    )


def _rows_of(data: ImageData, folder: Path) -> dict[str, Row] | None:
    if not data.table:
        return None
    columns = [data.name_column, data.spacing_column, data.group.column, *data.truth_columns.values()]
    columns += [*data.trait_columns.values(), "" if data.class_from == "folder" else data.class_from]
    rows: dict[str, Row] = {}
    for row in read_table(folder, data.table, columns):
        if rows.setdefault(row[data.name_column], row) is not row:
            raise ConfigError(f"{data.table}: two rows are of {row[data.name_column]}; leave one of them", code="data-invalid")
    return rows


def class_of(text: str, known: Mapping[str, int], classes: int, name: str) -> int | None:
    """The class that a source's word stands for; None where the recipe says of no word what it stands for.

    Raises
    ------
    ConfigError
        Code ``labels-out-of-range``, naming case and word.
    """
    if not known:
        return None
    index = known.get(text, -1)
    if not 0 <= index < classes:
        raise ConfigError(
            f"{name}: the class {text!r} is not in data.classes, or stands there for more than {classes - 1} labels; add it",
            code="labels-out-of-range",
        )
    return index


def label_for(data: ImageData | TableData, class_index: int | None) -> int | None:
    """The label of an image's masks where the class gives it; None where the masks do."""
    return class_index if data.instance_label == "class" else None


def traits_in(data: ImageData | TableData, row: Row, class_text: str) -> dict[str, str]:
    """The class as the source words it, and the columns that the recipe names."""
    traits = {trait: row[column] for trait, column in data.trait_columns.items()}
    return {"class": class_text, **traits} if class_text else traits


def spacing_in(data: ImageData | TableData, row: Row, name: str) -> tuple[float, float] | None:
    """Between rows and between columns, mm: of the table, else of the recipe, else not known."""
    if data.spacing_column:
        spacing = number_in(row, data.spacing_column, name)
        if spacing <= 0:
            raise ConfigError(
                f"{name}: its spacing in {data.spacing_column} isn't positive; correct the table", code="data-invalid"
            )
        return spacing, spacing
    return (data.spacing_mm, data.spacing_mm) if isinstance(data.spacing_mm, float) else data.spacing_mm

"""The cases of a data set in nnU-Net's layout."""

from __future__ import annotations

from functools import partial
from pathlib import Path

from storage.base.errors import ConfigError
from training.data.entry import Entry
from training.data.names import group_of
from training.data.sources.nifti import read_pair
from training.data.sources.nnunet.layout import read_layout
from training.data.sources.pictures import Picture
from training.recipe.data import NnunetData


def nnunet_entries(data: NnunetData, classes: int, folder: Path) -> list[Entry]:
    """Every labelled case, with one channel of its image.

    Raises
    ------
    ConfigError
        Codes ``no-data``, ``data-missing``, ``data-invalid``, ``labels-out-of-range`` (the recipe has other labels).
    """
    layout = read_layout(folder)
    if len(layout.labels) + 1 != classes:
        raise ConfigError(
            f"{folder / 'dataset.json'}: has {len(layout.labels)} labels, package.labels {classes - 1}; make them agree",
            code="labels-out-of-range",
        )
    entries = []
    for name, image, mask in layout.cases(data.channel):
        if layout.ending == ".png":
            load = Picture(image, [mask], (1.0, 1.0), "grey", "values", classes).load
        else:
            load = partial(read_pair, image, mask, classes)
        entries.append(Entry(name, group_of(name, data.group), load))
    return entries

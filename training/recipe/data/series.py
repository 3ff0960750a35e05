"""Sources whose cases have several series, each with a name: files in folders, and phantoms seen in two ways."""

from __future__ import annotations

from typing import Literal

from pydantic import Field, model_validator

from training.recipe.data.source import Source
from training.recipe.data.split import Duplicates, RangeSplit


class SeriesData(Source):
    """NIfTI files of several series, a folder a case.

    ``folders`` finds the cases' folders below ``--data``, whose paths are the cases' names. ``series``: name to the file below
    such a folder, wildcards allowed, of which one must fit; a case may lack it. ``labels``: the mask's file, which lies on the
    grid of the series ``labels_on``. Which of the series the network is given, ``package.inputs`` says by their names. Where
    the package's reference isn't ``labels_on``, it is brought to that grid first, so that packages of different inputs are
    measured on the same voxels.
    """

    kind: Literal["series"]
    folders: str = "*"
    series: dict[str, str] = Field(min_length=1)
    labels: str
    labels_on: str

    @model_validator(mode="after")
    def _on_a_series(self) -> SeriesData:
        if self.labels_on not in self.series:
            raise ValueError(f"labels_on: {self.labels_on!r} is none of series; it has {', '.join(self.series)}")
        return self


class SeriesPhantomData(Source):
    """Phantoms of our own generator, one a seed, each seen in two series, ``mr`` and ``pet``, on grids of their own.

    What is marked shows in both of them, and each of them shows as many bodies that aren't marked. The labels lie on ``mr``.
    """

    kind: Literal["phantom-series"]
    split: RangeSplit
    duplicates: Duplicates | None = None

    @property
    def series(self) -> tuple[str, ...]:
        """The names of the series."""
        return ("mr", "pet")

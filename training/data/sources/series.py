"""Folders of NIfTI series, one folder a case, as cases of several inputs."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from inference.manifest import Manifest
from storage.base.errors import ConfigError
from training.data.case import Series
from training.data.entry import Content, Entry
from training.data.names import group_of
from training.data.sources.files import inside
from training.data.sources.named import named_content
from training.data.sources.nifti import read_nifti, read_pair
from training.recipe.data.series import SeriesData


def series_entries(data: SeriesData, manifest: Manifest, classes: int, folder: Path) -> list[Entry]:
    """Every folder that the recipe's pattern finds. Its trait ``series`` tells which of the named series it has.

    What a case lacks is told when it is read, so that a split may leave it out.

    Raises
    ------
    ConfigError
        Codes ``no-data``, ``many-series`` (two files fit one name).
    """
    places = sorted(path for path in folder.glob(inside(data.folders, "data.folders")) if path.is_dir())
    if not places:
        raise ConfigError(f"{folder}: no folder {data.folders} (data.folders); name the right one by --data", code="no-data")
    entries = []
    for place in places:
        name = place.relative_to(folder).as_posix()
        files = {key: _only(place, pattern, f"series.{key}", name) for key, pattern in data.series.items()}
        have = {key: path for key, path in files.items() if path is not None}
        load = _Load(name, have, _only(place, data.labels, "labels", name), data, manifest, classes)
        entries.append(Entry(name, group_of(name, data.group), load, traits={"series": "+".join(sorted(have)) or "none"}))
    return entries


def _only(place: Path, pattern: str, key: str, name: str) -> Path | None:
    """The one file of a case's folder that fits; None where there is none."""
    found = sorted(path for path in place.glob(inside(pattern, f"data.{key}")) if path.is_file())
    if len(found) > 1:
        listed = ", ".join(path.relative_to(place).as_posix() for path in found)
        raise ConfigError(
            f"{name}: {len(found)} files fit data.{key}: {listed}; narrow the pattern, or remove one", code="many-series"
        )
    return found[0] if found else None


@dataclass(frozen=True)
class _Load:
    """Reads a case's series and its mask."""

    name: str
    files: Mapping[str, Path]
    mask: Path | None
    data: SeriesData
    manifest: Manifest
    classes: int

    def __call__(self) -> Content:
        on = self.data.labels_on
        if on not in self.files or self.mask is None:
            lacking = f"{on}, on whose grid the labels lie" if on not in self.files else "mask (data.labels)"
            raise ConfigError(f"{self.name}: has no {lacking}; leave the case out of the split", code="data-missing")
        marked = read_pair(self.files[on], self.mask, self.classes)
        assert marked.labels_kji is not None  # a pair has both
        found = {on: Series(marked.voxels_ckji[0], marked.affine_lps_mm)}
        taken = {wanted.name for wanted in self.manifest.inputs}
        for key, path in self.files.items():
            if key in taken and key != on:
                voxels, affine = read_nifti(path)
                found[key] = Series(voxels.astype(np.float32), affine)
        return named_content(self.name, found, on, marked.labels_kji, self.manifest)

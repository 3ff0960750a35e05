"""From the pairs of a folder to cases. Names and groups are digests: a file's name or an identifier may be a person's."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from pydicom.dataset import Dataset

from inference.volume import Volume, assemble
from inference.volume.read import PARSE_ERRORS, read_files, without_warnings
from inference.volume.scan import scan
from storage.base.errors import ConfigError, InputError
from training.data.entry import Content, Entry
from training.data.names import group_of
from training.data.sources.dicom.contours import contour_labels
from training.data.sources.dicom.pairs import Marked, marked_series
from training.data.sources.dicom.segments import segment_labels
from training.recipe.data import DicomData, Grouping

_TRAITS = {"modality": "Modality", "sex": "PatientSex", "manufacturer": "Manufacturer"}
_DIGITS = 12


def dicom_entries(data: DicomData, classes: int, folder: Path, spatial_dims: int) -> list[Entry]:
    """One case for each object of the recipe's kind, named by a digest of its image Series.

    Raises
    ------
    ConfigError
        Codes ``no-data``, ``data-missing`` (an object's images, a Patient ID), ``data-invalid``, ``labels-out-of-range``.
    """
    for name, value in data.labels.items():
        if not 0 < value < classes:
            raise ConfigError(
                f"data.labels.{name}: {value} is beyond the recipe's labels (1 to {classes - 1}); correct it",
                code="labels-out-of-range",
            )
    found = scan(folder)
    with without_warnings():
        return [_entry(data, marked, spatial_dims) for marked in marked_series(found, data.objects)]


def _damaged(path: Path) -> ConfigError:
    message = f"{path.name}: an attribute of the SEG or RTSTRUCT is missing or can't be read; write the object anew"
    return ConfigError(message, code="unreadable-instance")


def _entry(data: DicomData, marked: Marked, spatial_dims: int) -> Entry:
    header = marked.header
    name = f"{str(header.get('Modality') or 'image').lower()}-{_digest(str(header.SeriesInstanceUID))}"
    traits = {trait: str(header.get(keyword)) for trait, keyword in _TRAITS.items() if header.get(keyword)}
    load = _Load(name, marked.images, marked.object_path, data, spatial_dims)
    return Entry(name, _group(name, data.group, header), load, traits=traits)


def _group(name: str, grouping: Grouping, header: Dataset) -> str:
    keywords = {"patient": "PatientID", "study": "StudyInstanceUID"}
    if grouping.by not in keywords:
        return group_of(name, grouping)
    identifier = str(header.get(keywords[grouping.by]) or "").strip()
    if not identifier:
        raise ConfigError(
            f"{name}: {keywords[grouping.by]} is empty, by which data.group goes; group by another way", code="data-missing"
        )
    return f"{grouping.means} {_digest(identifier)}"


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:_DIGITS]


@dataclass(frozen=True)
class _Load:
    """Reads the Series and puts the object's labels onto its grid."""

    name: str
    images: tuple[Path, ...]
    object_path: Path
    data: DicomData
    spatial_dims: int

    def __call__(self) -> Content:
        try:
            volume = assemble(read_files(self.images), spatial_dims=self.spatial_dims)
            (marks,) = read_files([self.object_path])
            with without_warnings():
                labels = self._labels(marks, volume)
        except InputError as error:
            raise ConfigError(f"{self.name}: {error.message}", code=error.reason_code) from error
        except PARSE_ERRORS as error:
            raise _damaged(self.object_path) from error
        return Content(volume.voxels_kji[None], np.asarray(volume.affine_lps_mm, dtype=np.float64), labels)

    def _labels(self, marks: Dataset, volume: Volume) -> NDArray[np.uint8]:
        place = segment_labels if self.data.objects == "seg" else contour_labels
        return place(marks, volume, self.data.labels)

"""Headers of DICOM files in a folder, Series by Series, as the store would keep them: to try rules on, nothing is sent."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from pydicom import Dataset, dcmread
from pydicom.errors import InvalidDicomError

from storage.base.errors import ConfigError


@dataclass(frozen=True)
class FolderSeries:
    """One Series found in a folder; ``headers`` in the DICOM JSON model without bulk data (PS3.18 F.2)."""

    study_instance_uid: str
    series_instance_uid: str
    modality: str
    headers: list[dict[str, Any]] = field(default_factory=list)


def read_folder(folder: Path) -> list[FolderSeries]:
    """Every Series below a folder, by UID; files that aren't DICOM are passed over, a SOP Instance counts once.

    Raises
    ------
    ConfigError
        There is no such folder, or no DICOM file in it.
    """
    found: dict[tuple[str, str], FolderSeries] = {}
    seen: set[str] = set()
    for dataset in _datasets(folder):
        uid = str(dataset.get("SOPInstanceUID", ""))
        key = (str(dataset.get("StudyInstanceUID", "")), str(dataset.get("SeriesInstanceUID", "")))
        if not uid or uid in seen or not all(key):
            continue
        seen.add(uid)
        series = found.setdefault(key, FolderSeries(*key, str(dataset.get("Modality", "") or "")))
        series.headers.append(header_of(dataset))
    if not found:
        raise ConfigError(f"{folder}: holds no DICOM file; name a folder that does", code="no-dicom")
    return [found[key] for key in sorted(found)]


def header_of(dataset: Dataset) -> dict[str, Any]:
    """A data set in the DICOM JSON model; bulk data leave their place behind, elements that break their VR are left out."""
    return dataset.to_json_dict(1024, lambda _: "", suppress_invalid_tags=True)


def _datasets(folder: Path) -> Iterator[Dataset]:
    if not folder.exists():
        raise ConfigError(f"{folder}: does not exist; name a folder of DICOM files", code="no-dicom")
    for path in sorted(folder.rglob("*")) if folder.is_dir() else [folder]:
        if path.is_file():
            try:
                yield dcmread(path, stop_before_pixels=True)
            except (InvalidDicomError, OSError, EOFError):
                continue

"""A folder or file of DICOM, sorted into Series by header alone; what is left out is listed with its reason."""

from __future__ import annotations

import filecmp
from dataclasses import dataclass
from pathlib import Path

from pydicom import dcmread
from pydicom.dataset import Dataset
from pydicom.errors import InvalidDicomError
from pydicom.uid import MediaStorageDirectoryStorage

from inference.volume.read import PARSE_ERRORS, without_warnings
from storage.base.errors import InputError


@dataclass(frozen=True, eq=False)
class FoundInstance:
    """A Part 10 file and its data set without pixel data."""

    path: Path
    header: Dataset


@dataclass(frozen=True)
class Skipped:
    """A file that is no Instance of a Series, and why."""

    path: Path
    reason: str


@dataclass(frozen=True, eq=False)
class Scan:
    """Series Instance UID -> its files, both in the order of sorted paths."""

    series: dict[str, list[FoundInstance]]
    skipped: list[Skipped]


def scan(source: Path) -> Scan:
    """Find the Series in a file or, recursively, in a folder.

    Two files with the same SOP Instance UID and the same bytes count once. With different bytes both stay, so that the reader
    refuses the Series instead of choosing.

    Raises
    ------
    InputError
        Code ``no-input``: nothing is there.
    """
    if not source.exists():
        raise InputError(f"{source}: no such file or folder", code="no-input")
    with without_warnings():
        return _sort(_files(source))


def _sort(paths: list[Path]) -> Scan:
    found = Scan({}, [])
    first_paths: dict[str, Path] = {}
    for path in paths:
        header = _read_header(path)
        if isinstance(header, str):
            found.skipped.append(Skipped(path, header))
        elif reason := _why_not(header, path, first_paths):
            found.skipped.append(Skipped(path, reason))
        else:
            first_paths.setdefault(str(header.SOPInstanceUID), path)
            found.series.setdefault(str(header.SeriesInstanceUID), []).append(FoundInstance(path, header))
    return found


def _files(source: Path) -> list[Path]:
    return [source] if source.is_file() else sorted(path for path in source.rglob("*") if path.is_file())


def _read_header(path: Path) -> Dataset | str:
    """The header, or why there is none."""
    try:
        return dcmread(path, stop_before_pixels=True)
    except InvalidDicomError:
        return "not a DICOM file (no DICM prefix)"
    except PARSE_ERRORS:
        return "damaged DICOM file"
    except OSError as error:
        return f"can't be read ({error.strerror})"


def _why_not(header: Dataset, path: Path, first_paths: dict[str, Path]) -> str:
    if header.file_meta.get("MediaStorageSOPClassUID") == MediaStorageDirectoryStorage:
        return "a DICOMDIR, not an Instance"
    for keyword in ("SeriesInstanceUID", "SOPInstanceUID"):
        if not header.get(keyword):
            return f"{keyword} is absent"
    first = first_paths.get(str(header.SOPInstanceUID))
    if first is not None and filecmp.cmp(first, path, shallow=False):
        return f"the same as {first.name}"
    return ""

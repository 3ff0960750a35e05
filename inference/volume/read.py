"""Instances from blobs or files, whole, as pydicom data sets. Checks nothing but that they parse.

A file that was cut short still parses: what is missing is its pixel data, and ``assemble`` refuses it for that.
"""

from __future__ import annotations

import struct
import warnings
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO, Protocol

from pydicom import dcmread
from pydicom.config import IGNORE, settings
from pydicom.dataset import Dataset
from pydicom.errors import InvalidDicomError

from inference.protocol import SeriesRef
from storage.base.errors import InputError

# What pydicom raises on a stream that isn't, or is no longer, a Part 10 file.
PARSE_ERRORS = (
    AttributeError, EOFError, InvalidDicomError, KeyError, NotImplementedError, TypeError, ValueError, struct.error,
)  # fmt: skip


@contextmanager
def without_warnings() -> Iterator[None]:
    """Silence pydicom: its warnings and log lines about odd values quote them, and a value may be a patient's.

    Both switches are of the whole process; a model host reads one Series at a time.
    """
    before = settings.reading_validation_mode
    settings.reading_validation_mode = IGNORE
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", UserWarning)
            yield
    finally:
        settings.reading_validation_mode = before


class OpensBlobs(Protocol):
    """The part of a blob store that reading needs."""

    def open(self, key: str) -> BinaryIO:
        """A readable, seekable stream of the blob's bytes."""
        ...


def read_series(blobs: OpensBlobs, series: SeriesRef) -> list[Dataset]:
    """All Instances of an input Series, in the order of the reference (which means nothing).

    Raises
    ------
    InputError
        Code ``unreadable-instance``, naming the SOP Instance UID.
    """
    datasets = []
    for instance in series.instances:
        with blobs.open(instance.blob_key) as stream:
            datasets.append(_parse(stream, f"SOP Instance {instance.sop_instance_uid}"))
    return datasets


def read_headers(blobs: OpensBlobs, series: SeriesRef) -> list[Dataset]:
    """As ``read_series``, without pixel data."""
    datasets = []
    for instance in series.instances:
        with blobs.open(instance.blob_key) as stream:
            datasets.append(_parse(stream, f"SOP Instance {instance.sop_instance_uid}", pixels=False))
    return datasets


def read_files(paths: Iterable[Path]) -> list[Dataset]:
    """Instances from Part 10 files.

    Raises
    ------
    InputError
        Code ``unreadable-instance``, naming the file.
    """
    datasets = []
    for path in paths:
        with path.open("rb") as stream:
            datasets.append(_parse(stream, f"file {path.name}"))
    return datasets


def _parse(stream: BinaryIO, name: str, *, pixels: bool = True) -> Dataset:
    try:
        with without_warnings():
            return dcmread(stream, stop_before_pixels=not pixels)
    except PARSE_ERRORS as error:
        raise InputError(f"{name} isn't a readable DICOM file; send it again", code="unreadable-instance") from error

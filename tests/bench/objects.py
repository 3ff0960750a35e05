"""What is sent in the benchmarks: synthetic instances on the disk, each with the digest of its data set."""

from __future__ import annotations

import hashlib
import struct
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from pydicom.dataset import Dataset
from pydicom.uid import UID, generate_uid

from tests.support.dicom_builders import ct_series

CT_CLASS = "1.2.840.10008.5.1.4.1.1.2"
WORD_FRAMES_CLASS = "1.2.840.10008.5.1.4.1.1.7.3"  # Multi-frame Grayscale Word Secondary Capture
_HEAD_BYTES = 132 + 12  # preamble, prefix and the group length of the file meta information (PS3.10 7.1)
_CHUNK_BYTES = 2**22


@dataclass(frozen=True)
class Object:
    """One instance: its file, where its data set begins, and that data set's SHA-256."""

    sop_class_uid: str
    sop_instance_uid: str
    path: Path
    data_offset: int
    sha256: str

    def data(self) -> bytes:
        """The data set as it should be stored."""
        return self.path.read_bytes()[self.data_offset :]


@dataclass(frozen=True)
class Batch:
    """Instances that are sent together."""

    objects: tuple[Object, ...]

    @property
    def size_bytes(self) -> int:
        return sum(found.path.stat().st_size for found in self.objects)

    @property
    def digests(self) -> list[str]:
        return sorted(found.sha256 for found in self.objects)

    def split(self, parts: int) -> list[Batch]:
        """As ``parts`` batches of nearly the same size; with fewer objects than that, one each."""
        return [Batch(self.objects[index::parts]) for index in range(min(parts, len(self.objects)))]


def ct_batch(folder: Path, count: int, side: int) -> Batch:
    """CT slices of side × side pixels of noise, one Study and one Series."""
    folder.mkdir(parents=True)
    noise = np.random.default_rng(count * side)
    dataset = ct_series(1, side, side)[0]
    return Batch(tuple(_slice(dataset, number, noise.bytes(2 * side * side), folder) for number in range(count)))


def _slice(dataset: Dataset, number: int, pixels: bytes, folder: Path) -> Object:
    uid = generate_uid()
    dataset.SOPInstanceUID = dataset.file_meta.MediaStorageSOPInstanceUID = uid
    dataset.InstanceNumber = number + 1
    dataset.PixelData = pixels
    path = folder / f"{number:06d}.dcm"
    dataset.save_as(path, enforce_file_format=True)
    return _object(path, CT_CLASS, uid)


def large_batch(folder: Path, size_bytes: int) -> Batch:
    """One multi-frame instance whose pixels are ``size_bytes`` of zeros: a sparse file, never in memory."""
    folder.mkdir(parents=True)
    side = 1000
    dataset = ct_series(1, 16, 16)[0]
    dataset.SOPClassUID = dataset.file_meta.MediaStorageSOPClassUID = UID(WORD_FRAMES_CLASS)
    dataset.Rows = dataset.Columns = side
    dataset.NumberOfFrames = size_bytes // (2 * side * side)
    pixels = dataset.NumberOfFrames * 2 * side * side
    del dataset.PixelData
    path = folder / "large.dcm"
    dataset.save_as(path, enforce_file_format=True)
    with path.open("ab") as file:
        file.write(struct.pack("<HH2sHI", 0x7FE0, 0x0010, b"OW", 0, pixels))
        file.truncate(file.tell() + pixels)
    return Batch((_object(path, WORD_FRAMES_CLASS, str(dataset.SOPInstanceUID)),))


def _object(path: Path, sop_class_uid: str, sop_instance_uid: str) -> Object:
    offset = data_offset(path)
    return Object(sop_class_uid, sop_instance_uid, path, offset, digest(path, offset))


def data_offset(path: Path) -> int:
    """Where the data set of a DICOM file begins."""
    with path.open("rb") as file:
        head = file.read(_HEAD_BYTES)
    return _HEAD_BYTES + int.from_bytes(head[-4:], "little")


def digest(path: Path, offset: int) -> str:
    """SHA-256 of a file from ``offset`` on."""
    found = hashlib.sha256()
    with path.open("rb") as file:
        file.seek(offset)
        while piece := file.read(_CHUNK_BYTES):
            found.update(piece)
    return found.hexdigest()


def digests(paths: Iterable[Path]) -> list[str]:
    """The digests of the data sets of DICOM files, sorted."""
    return sorted(digest(path, data_offset(path)) for path in paths)

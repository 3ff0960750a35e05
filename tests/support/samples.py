"""DICOM files as they are found in the world: where their data set begins and what its sender would have to propose."""

from __future__ import annotations

import struct
import warnings
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from pydicom.errors import InvalidDicomError
from pydicom.filereader import dcmread

EXPLICIT, IMPLICIT = "1.2.840.10008.1.2.1", "1.2.840.10008.1.2"
_LONG = (b"OB", b"OW", b"SQ", b"UN", b"UT")
_CLASS, _INSTANCE, _SYNTAX = 0x0002, 0x0003, 0x0010


@dataclass(frozen=True)
class Sample:
    """One file. ``data_offset``: where its data set begins; UIDs are those of its data set, else of its
    file meta information."""

    path: Path
    data_offset: int
    transfer_syntax: str
    sop_class: str
    sop_instance: str

    @property
    def data(self) -> bytes:
        """The data set's bytes."""
        return self.path.read_bytes()[self.data_offset :]


def samples(root: Path) -> Iterator[Sample]:
    """Every DICOM file below a folder, in the order of names; a DICOMDIR, which is no instance, is left out."""
    for path in sorted(path for path in root.rglob("*") if path.is_file()):
        found = sample(path)
        if found is not None and found.sop_class and not found.sop_class.startswith("1.2.840.10008.1.3."):
            yield found


def sample(path: Path) -> Sample | None:
    """What a file is; None where it is no DICOM file."""
    with path.open("rb") as file:
        head = file.read(2**16)
    meta, offset = _meta(head) if head[128:132] == b"DICM" else ({}, 0)
    syntax, sop_class, sop_instance = _from_data_set(path)
    if not (meta or sop_class):
        return None
    meta_class, meta_instance = meta.get(_CLASS, ""), meta.get(_INSTANCE, "")
    return Sample(path, offset, meta.get(_SYNTAX, syntax), sop_class or meta_class, sop_instance or meta_instance)


def _meta(head: bytes) -> tuple[dict[int, str], int]:
    """The file meta information (explicit VR little endian, PS3.10 7.1) and where it ends."""
    found, pos = {}, 132
    while pos + 8 <= len(head):
        group, number, vr = struct.unpack_from("<HH2s", head, pos)
        if group != 2:
            break
        start = pos + (12 if vr in _LONG else 8)
        (length,) = struct.unpack_from("<I" if vr in _LONG else "<H", head, start - (4 if vr in _LONG else 2))
        if vr == b"UI":
            found[number] = head[start : start + length].rstrip(b"\0 ").decode("latin-1")
        pos = start + length
    return found, pos


def _from_data_set(path: Path) -> tuple[str, str, str]:
    """Transfer syntax (told from the bytes), SOP class and instance as the data set itself names them, where it can be read."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            dataset = dcmread(path, stop_before_pixels=True, force=True, specific_tags=["SOPClassUID", "SOPInstanceUID"])
            implicit = dataset.original_encoding[0]
            return IMPLICIT if implicit else EXPLICIT, str(dataset.get("SOPClassUID", "")), str(dataset.get("SOPInstanceUID", ""))
        except (InvalidDicomError, OSError, ValueError, AttributeError, KeyError, NotImplementedError, EOFError, struct.error):
            return "", "", ""

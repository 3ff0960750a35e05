"""Independent readers of our objects: dciodvfy (dicom3tools), dsrdump (DCMTK) and segimage2itkimage (dcmqi, from PyPI).

Warnings of dciodvfy that are let pass stand in ``ALLOWED_WARNINGS``, each with its reason; any other is as bad as an error.
"""

from __future__ import annotations

import importlib.util
import re
import subprocess
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import nibabel
import numpy as np
from numpy.typing import NDArray

from tests.support.peers import run_tool
from tests.support.requirements import missing

ALLOWED_WARNINGS = (
    # Device UID came to Contributing Equipment with CP-2052 and IHE AIR demands it; the snapshots of dicom3tools are older.
    re.compile(r"Attribute is not present in standard DICOM IOD - \(0x0018,0x1002\) UI Device UID"),
    # What follows from the line above.
    re.compile(r"Dicom dataset contains attributes not present in standard DICOM IOD - this is a Standard Extended SOP Class"),
    # Type 2 attributes that the source leaves empty stay empty; only a DICOMDIR on removable media needs them.
    re.compile(r"Missing attribute or value that would be needed to build DICOMDIR"),
    # A source's Patient's Name without ^ is copied as it is: PACS join objects to their patient by it.
    re.compile(r"PN Patient's Name .* - Retired Person Name form"),
)
_RAS_TO_LPS = np.diag([-1.0, -1.0, 1.0, 1.0])


def dciodvfy(path: Path) -> list[str]:
    """The lines that say Error, and warnings that aren't allowed; empty for a clean object."""
    done = run_tool("dciodvfy", path, package="dicom3tools")
    lines = [line.strip() for line in (done.stdout + done.stderr).splitlines()]
    assert lines, f"dciodvfy said nothing about {path.name}"
    return [line for line in lines if line.startswith("Error") or (line.startswith("Warning") and not _is_allowed(line))]


def _is_allowed(line: str) -> bool:
    return any(pattern.search(line) for pattern in ALLOWED_WARNINGS)


def dsrdump(path: Path) -> str:
    """The report as DCMTK prints it; DCMTK must read and check it without an error."""
    done = run_tool("dsrdump", path)
    assert done.returncode == 0, f"dsrdump: {done.stderr}"
    assert not re.search(r"^[EF]: ", done.stderr, re.MULTILINE), done.stderr
    return done.stdout


@dataclass(frozen=True, eq=False)
class SegmentImage:
    """One segment as dcmqi reads it: ``mask_ijk`` and the affine from (i, j, k, 1) to LPS millimetres."""

    number: int
    mask_ijk: NDArray[np.bool_]
    affine_lps_mm: NDArray[np.float64]


def segimage2itkimage(path: Path) -> list[SegmentImage]:
    """The segments of a SEG in the order of their numbers, decoded by dcmqi."""
    program = _dcmqi_program("segimage2itkimage")
    with tempfile.TemporaryDirectory() as folder:
        command = [program, "--inputDICOM", path, "--outputDirectory", folder, "--prefix", "s", "-t", "nifti"]
        done = subprocess.run(list(map(str, command)), capture_output=True, text=True, timeout=120, check=False)
        assert done.returncode == 0, f"segimage2itkimage: {done.stdout}{done.stderr}"
        numbered = sorted((int(p.name.split("-")[1].split(".")[0]), p) for p in Path(folder).glob("s-*.nii.gz"))
        return [_read_nifti(number, file) for number, file in numbered]


def voxels_on_grid(
    segments: list[SegmentImage], affine_lps_mm: NDArray[np.float64], shape_kji: tuple[int, ...]
) -> NDArray[np.uint16]:  # fmt: skip
    """Segment numbers (K, J, I) on another grid of the same voxels; a voxel that lies beside that grid fails."""
    placed = np.zeros(shape_kji, dtype=np.uint16)
    for segment in segments:
        ijk = np.argwhere(segment.mask_ijk)
        points = np.c_[ijk, np.ones(len(ijk))] @ segment.affine_lps_mm.T
        index = (points @ np.linalg.inv(affine_lps_mm).T)[:, :3]
        rounded = index.round().astype(int)
        assert np.abs(index - rounded).max() < 1e-2, "voxels lie between those of the grid"
        placed[rounded[:, 2], rounded[:, 1], rounded[:, 0]] = segment.number
    return placed


def _read_nifti(number: int, path: Path) -> SegmentImage:
    image: Any = nibabel.load(path)
    return SegmentImage(number, np.asarray(image.dataobj) != 0, _RAS_TO_LPS @ image.affine)


def _dcmqi_program(name: str) -> Path:
    spec = importlib.util.find_spec("dcmqi")
    if spec is None or spec.origin is None:
        missing("peers", "dcmqi is not installed (PyPI package dcmqi)")
    return Path(spec.origin).parent / "bin" / name

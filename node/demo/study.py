"""The Study that the demo sends: a folder of the user's, or a CT phantom made by the training package as a process."""

from __future__ import annotations

import subprocess
import sys
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

from pydicom import dcmread
from pydicom.errors import InvalidDicomError

from node.commands.peers import outbound_files
from node.deliver.scu import Outbound
from storage.base.errors import ConfigError, WetreadError

PHANTOM_SEED = "7"


@dataclass(frozen=True)
class DemoStudy:
    """One Study's files, ready to send. ``descriptions``: SeriesDescription by Series Instance UID, for the user's own screen."""

    folder: Path
    study_instance_uid: str
    objects: list[Outbound]
    descriptions: dict[str, str]


def make_phantom(folder: Path) -> None:
    """Write the phantom CT study into ``folder``."""
    command = [sys.executable, "-m", "training", "phantom", "--dicom", str(folder), "--seed", PHANTOM_SEED]
    finished = subprocess.run(command, capture_output=True, text=True, check=False)
    if finished.returncode:
        last = (finished.stderr.strip().splitlines() or ["no message"])[-1]
        raise WetreadError(f"the phantom could not be made: {last}")


def read_study(folder: Path) -> DemoStudy:
    """Find the one Study in ``folder``.

    Raises
    ------
    ConfigError
        No folder, no DICOM files, or several Studies.
    """
    if not folder.exists():
        raise ConfigError(f"{folder} is not there; name a folder of DICOM files")
    studies: Counter[str] = Counter()
    descriptions: dict[str, str] = {}
    for path in sorted(p for p in [folder, *folder.rglob("*")] if p.is_file()):
        try:
            header = dcmread(
                path, stop_before_pixels=True, specific_tags=["StudyInstanceUID", "SeriesInstanceUID", "SeriesDescription"]
            )
        except InvalidDicomError:
            continue
        if "StudyInstanceUID" in header and "SeriesInstanceUID" in header:
            studies[str(header.StudyInstanceUID)] += 1
            descriptions[str(header.SeriesInstanceUID)] = str(header.get("SeriesDescription", ""))
    if not studies:
        raise ConfigError(f"{folder} holds no DICOM files; name a folder of one study")
    if len(studies) > 1:
        raise ConfigError(f"{folder} holds {len(studies)} studies; name the folder of one of them")
    return DemoStudy(folder, next(iter(studies)), list(outbound_files([folder])), descriptions)

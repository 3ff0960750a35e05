"""Whether a package would run: asked of `python -m inference check` in a process of its own, since the node has no torch."""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

from storage.base.errors import ModelError

_SAID_BY = "wetread: "


@dataclass(frozen=True)
class Checked:
    """A package that was loaded and run once on made-up voxels; ``path`` is its folder."""

    name: str
    version: str
    title: str
    task: str
    digest: str
    licence: str
    weights_licence: str
    path: Path


def check_package(package: str) -> Checked:
    """Load a package's folder, or the shipped one of that name, and run it once.

    Raises
    ------
    ModelError
        There is no such package, or it is broken; the message names the file and the key.
    """
    finished = subprocess.run(
        [sys.executable, "-m", "inference", "check", package, "--json"], capture_output=True, text=True, check=False
    )
    if finished.returncode != 0:
        raise ModelError(_reason(finished.stderr, finished.returncode) + _advice(Path(package)), code="package-broken")
    said = json.loads(finished.stdout)
    words = {key: str(said[key]) for key in ("name", "version", "title", "task", "digest", "licence", "weights_licence")}
    return Checked(path=Path(said["package"]), **words)


def _reason(said: str, status: int) -> str:
    lines = [line for line in said.splitlines() if line.strip()]
    return lines[-1].removeprefix(_SAID_BY) if lines else f"the check ended with status {status} and said nothing"


def _advice(folder: Path) -> str:
    """A run's folder is taken for its package easily."""
    within = sorted(path.parent.parent for path in folder.glob("package/*/configs/wetread.json"))
    return f"; did you mean {within[0]}?" if within else ""

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
    """Load a package and run it once: a folder, a training run's folder with its one package, or the name of a shipped one.

    Raises
    ------
    ModelError
        There is no such package, or it is broken; the message names the file and the key.
    """
    command = [sys.executable, "-m", "inference", "check", _of_run(package), "--json"]
    finished = subprocess.run(command, capture_output=True, text=True, check=False)
    if finished.returncode != 0:
        raise ModelError(_reason(finished.stderr, finished.returncode), code="package-broken")
    said = json.loads(finished.stdout)
    words = {key: str(said[key]) for key in ("name", "version", "title", "task", "digest", "licence", "weights_licence")}
    return Checked(path=Path(said["package"]), **words)


def _of_run(package: str) -> str:
    """The package of a run's folder; what is no run is left as it is."""
    within = sorted(path.parent.parent for path in Path(package).glob("package/*/configs/wetread.json"))
    if len(within) > 1:
        listed = ", ".join(str(path) for path in within)
        raise ModelError(f"{package}: holds {len(within)} packages; name one of {listed}", code="package-broken")
    return str(within[0]) if within else package


def _reason(said: str, status: int) -> str:
    lines = [line for line in said.splitlines() if line.strip()]
    return lines[-1].removeprefix(_SAID_BY) if lines else f"the check ended with status {status} and said nothing"

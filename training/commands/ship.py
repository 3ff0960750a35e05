"""``ship``: a run's package into the folder of those that the project ships."""

from __future__ import annotations

from importlib.resources import files
from pathlib import Path

from rich.console import Console

from inference.manifest import package_digest, read_manifest
from training.commands.evaluate import package_of
from training.commands.shown import show_text
from training.run.ship import ship


def run(package: Path, recipe: Path | None, into: Path | None, progress: Console) -> None:
    """Check and copy it, and say what is left to write by hand."""
    source = package_of(package)
    made_by = recipe or Path(read_manifest(source).name)
    target = ship(source, made_by, into or Path(str(files("inference"))) / "bundles")
    manifest = read_manifest(target)
    size = sum(path.stat().st_size for path in (target / "models").glob("*")) / 1e6
    show_text(f"{manifest.name} {manifest.version}, {size:.1f} MB of weights, digest {package_digest(target)[:12]}: {target}")
    progress.print(
        f"left to do: name {manifest.name} under What ships in README.md, then commit both", markup=False, soft_wrap=True
    )

"""`wetread demo [DICOM_DIR] [--out DIR]`: what the command line says and checks; the run itself is in `run`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from node.commands.console import clear_errors
from node.demo.run import DemoRun


@clear_errors
def demo(
    dicom_dir: Annotated[
        Path | None, typer.Argument(metavar="[DICOM_DIR]", help="A study's files; without it a CT phantom.")
    ] = None,
    out: Annotated[Path, typer.Option("--out", metavar="DIR", help="Where the results go.")] = Path("demo-out"),
    keep: Annotated[Path | None, typer.Option("--keep", metavar="DIR", help="Keep the node's store and logs here.")] = None,
) -> None:
    """Run the main job once: a study is sent, found complete, routed, inferred, reported and delivered to a PACS."""
    if DemoRun(dicom_dir, out, keep).run():
        return
    raise typer.Exit(1)

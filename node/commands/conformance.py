"""`wetread conformance`: the DICOM conformance statement of this program."""

from __future__ import annotations

import difflib
import sys
from pathlib import Path
from typing import Annotated

import typer

from node.commands.console import clear_errors, out
from storage.base.errors import WetreadError

MEND = "`wetread conformance --out node/CONFORMANCE.md` writes it anew"


@clear_errors
def conformance(
    write_to: Annotated[
        Path | None, typer.Option("--out", metavar="FILE", help="Write it there, not to standard output.")
    ] = None,
    check: Annotated[Path | None, typer.Option(metavar="FILE", help="Only say whether FILE is this statement.")] = None,
) -> None:
    """The DICOM conformance statement (PS3.2 Annex N), made from the program's own tables."""
    from node.conformance.statement import statement

    text = statement()
    if check is not None:
        _compare(check, text)
    elif write_to is not None:
        try:
            write_to.write_text(text, encoding="utf-8")
        except OSError as error:
            raise WetreadError(f"{write_to} can't be written ({error.strerror}); name a writable file") from error
    else:
        sys.stdout.write(text)


def _compare(path: Path, text: str) -> None:
    try:
        kept = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise WetreadError(f"{path} can't be read; {MEND}") from error
    changes = list(difflib.unified_diff(kept.splitlines(), text.splitlines(), str(path), "this program", lineterm="", n=0))
    if changes:
        out.print("\n".join(changes), markup=False)
        raise WetreadError(f"{path} isn't the statement of this program; {MEND}")
    out.print(f"{path} is the statement of this program")

"""``data`` and ``import-nnunet``: what a recipe's data hold, and a recipe from a data set in nnU-Net's layout."""

from __future__ import annotations

from pathlib import Path

from rich.console import Console

from storage.base.errors import ConfigError
from training.commands.shown import show_document, show_text
from training.data import make_statement, read_parts, starting_recipe
from training.recipe import read_recipe


def run(recipe: Path, profile: str, data: Path | None, as_json: bool, progress: Console) -> None:
    """Read and check the data, and print their statement."""
    with progress.status("reading"):
        statement = make_statement(read_parts(read_recipe(recipe, profile), data))
    if as_json:
        show_document(statement.document)
    else:
        show_text(statement.text)


def import_nnunet(folder: Path, out: Path | None, progress: Console) -> None:
    """Write the recipe that nnU-Net's description allows, or print it."""
    text = starting_recipe(folder)
    if out is None:
        show_text(text)
        return
    if out.exists():
        raise ConfigError(f"{out}: is there already; name another --out", code="not-writable")
    try:
        out.write_text(text, encoding="utf-8")
    except OSError as error:
        raise ConfigError(f"{out}: can't be written ({error.strerror}); name another --out", code="not-writable") from error
    progress.print(f"recipe: {out}; its head says what to state before weights leave the house", markup=False, soft_wrap=True)

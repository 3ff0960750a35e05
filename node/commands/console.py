"""Printing and failing, the same for every command: one clear line on standard error, exit status 1, never a traceback."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import wraps
from pathlib import Path
from typing import Annotated, Any, ParamSpec, TypeVar

import typer
from rich.console import Console

from node.settings import Settings, load_settings
from storage.base.clock import SystemClock
from storage.base.errors import ConfigError, WetreadError
from storage.base.log import configure_logging
from storage.database import Database, open_database

P = ParamSpec("P")
R = TypeVar("R")

out = Console(highlight=False, soft_wrap=True)
err = Console(stderr=True, highlight=False, soft_wrap=True)

ConfigOption = Annotated[
    Path | None,
    typer.Option("--config", "-c", metavar="FILE", help="Settings file; without it the built-in defaults hold."),
]
JsonOption = Annotated[bool, typer.Option("--json", help="Print one JSON document and nothing else.")]


def clear_errors(command: Callable[P, R]) -> Callable[P, R]:
    """Turn every error that we foresee into one line and exit status 1."""

    @wraps(command)
    def wrapper(*args: P.args, **kwargs: P.kwargs) -> R:
        try:
            return command(*args, **kwargs)
        except WetreadError as error:
            err.print(f"wetread: {error.message}", style="red", markup=False)
            raise typer.Exit(1) from None
        except BrokenPipeError:
            raise typer.Exit(1) from None

    return wrapper


def settings_of(config: Path | None) -> Settings:
    """Load settings and set up logging to standard error."""
    configure_logging()
    return load_settings(config)


@contextmanager
def database_of(settings: Settings) -> Iterator[Database]:
    """The database of a running node: it must exist and be of this program's version."""
    db = open_database(settings.store.database, SystemClock())
    try:
        require_current(db)
        yield db
    finally:
        db.dispose()


def require_current(db: Database) -> None:
    """Refuse a database that this program can't read, saying what to do."""
    state = db.revision_state()
    if state == "empty":
        raise ConfigError("the database is empty: start `wetread serve` or run `wetread migrate` first")
    if state == "outdated":
        raise ConfigError("the database is of an older version: stop the node and run `wetread migrate`")
    if state == "newer":
        raise ConfigError("the database is of a newer version than this program: install the newer Wetread")


def print_json(document: Any) -> None:
    """One JSON document on standard output."""
    sys.stdout.write(json.dumps(document, indent=2, default=str) + "\n")

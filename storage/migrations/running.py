"""Running migrations on a connection that the caller has begun."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from alembic import command
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, text

_LOCK = 0x57455452454144  # any number that nobody else locks: "WETREAD"


def config(connection: Connection) -> Config:
    """Alembic's configuration for this connection."""
    made = Config()
    made.set_main_option("script_location", str(Path(__file__).parent).replace("%", "%%"))
    made.attributes["connection"] = connection
    return made


def upgrade(connection: Connection) -> None:
    """Bring the tables to the newest revision, in the caller's transaction."""
    if connection.dialect.name == "postgresql":  # SQLite's write lock is held already
        connection.execute(text(f"SELECT pg_advisory_xact_lock({_LOCK})"))
    command.upgrade(config(connection), "head")


def revision_state(connection: Connection) -> Literal["current", "empty", "outdated", "newer"]:
    """Compare the revision that the database names with those that the program knows."""
    found = MigrationContext.configure(connection).get_current_revision()
    if found is None:
        return "empty"
    scripts = ScriptDirectory.from_config(config(connection))
    if found == scripts.get_current_head():
        return "current"
    return "outdated" if found in {script.revision for script in scripts.walk_revisions()} else "newer"

"""Times for people and scripts."""

from __future__ import annotations

from datetime import datetime


def iso(at: datetime | None) -> str | None:
    """A time for people and scripts: ISO 8601, UTC, milliseconds."""
    return None if at is None else at.isoformat(timespec="milliseconds").replace("+00:00", "Z")

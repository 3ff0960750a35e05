"""The one door to environment variables, so that a reader sees what the program takes from outside its settings."""

from __future__ import annotations

import os


def get(name: str, default: str | None = None) -> str | None:
    """The variable's text, or ``default`` when it is unset or empty."""
    return os.environ.get(name) or default


def without(prefix: str) -> dict[str, str]:
    """The whole environment less the variables whose names begin with ``prefix``, for a child that must not see them."""
    return {name: value for name, value in os.environ.items() if not name.upper().startswith(prefix)}

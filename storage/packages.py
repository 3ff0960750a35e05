"""Model packages: which is active under a name, which is out of use and why."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from storage import events
from storage.rows import insert_new, move
from storage.schema import Job, ModelPackage
from storage.states import UnknownRow


def register(s: Session, name: str, version: str, digest: str, path: str, manifest: dict[str, Any], at: datetime) -> ModelPackage:
    """Make a package known and, unless it is quarantined, the active one of its name: another active one retires.

    The same digest again is the same row; its path may have changed.
    """
    raise NotImplementedError


def active_package(s: Session, name: str) -> ModelPackage | None:
    """The package that new jobs of this name use."""
    raise NotImplementedError


def get_package(s: Session, package_id: int) -> ModelPackage:
    """One package by its row; UnknownRow when there is none."""
    raise NotImplementedError


def list_packages(s: Session) -> list[ModelPackage]:
    """Every known package, by name, newest first."""
    raise NotImplementedError


def quarantine(s: Session, package_id: int, reason: str, at: datetime) -> None:
    """Take a package out of use until a person reinstates it; does nothing when it is out already."""
    raise NotImplementedError


def reinstate(s: Session, package_id: int, at: datetime) -> None:
    """A person's decision to use a package again; another active one of its name retires."""
    raise NotImplementedError


def retire(s: Session, package_id: int, reason: str, at: datetime) -> None:
    """Take a package out of use because it is gone or superseded."""
    raise NotImplementedError


def failed_studies(s: Session, package_id: int) -> int:
    """On how many different Studies the package's jobs have failed since it came into its present state."""
    raise NotImplementedError

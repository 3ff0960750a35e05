"""Model packages: which is active under a name, which is out of use and why."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from storage import events
from storage.rows import insert_new, move
from storage.schema import Job, ModelPackage
from storage.states import JOB_ENDS, UnknownRow


def register(s: Session, name: str, version: str, digest: str, path: str, manifest: dict[str, Any], at: datetime) -> ModelPackage:
    """Make a package known and, unless it is quarantined, the active one of its name: another active one retires.

    The same digest again is the same row; its path may have changed.
    """
    known = {"name": name, "version": version, "path": path, "manifest": manifest}
    new = insert_new(s, ModelPackage, digest=digest, state="active", reason="", registered_at=at, state_at=at, **known)
    query = select(ModelPackage).where(ModelPackage.digest == digest).with_for_update()
    package = s.scalars(query).one()
    package.path = path
    s.flush()
    if new:
        events.record(s, "package.active", at, package_id=package.id, name=name, version=version, digest=digest)
    if package.state == "retired":
        _move(s, package, "active", "", at)
    if package.state == "active":
        _retire_others(s, package, at)
    return package


def active_package(s: Session, name: str) -> ModelPackage | None:
    """The package that new jobs of this name use; None when there is none or it is quarantined."""
    return s.scalars(select(ModelPackage).where(ModelPackage.name == name, ModelPackage.state == "active")).one_or_none()


def get_package(s: Session, package_id: int) -> ModelPackage:
    """One package by its row. UnknownRow when there is none."""
    package = s.get(ModelPackage, package_id)
    if package is None:
        raise UnknownRow(f"there is no model package {package_id}", code="unknown-package")
    return package


def list_packages(s: Session) -> list[ModelPackage]:
    """Every known package, by name, newest first."""
    return list(s.scalars(select(ModelPackage).order_by(ModelPackage.name, ModelPackage.id.desc())).all())


def quarantine(s: Session, package_id: int, reason: str, at: datetime) -> None:
    """Take a package out of use until a person reinstates it; does nothing when it is out already."""
    package = _locked(s, package_id)
    if package.state == "active":
        _move(s, package, "quarantined", reason, at)


def reinstate(s: Session, package_id: int, at: datetime) -> None:
    """A person's decision to use a package again; another active one of its name retires."""
    package = _locked(s, package_id)
    if package.state != "active":
        _move(s, package, "active", "", at)
    _retire_others(s, package, at)


def retire(s: Session, package_id: int, reason: str, at: datetime) -> None:
    """Take a package out of use because it is gone or superseded."""
    package = _locked(s, package_id)
    if package.state != "retired":
        _move(s, package, "retired", reason, at)


def unfinished_jobs(s: Session, package_id: int) -> list[int]:
    """Jobs of the package that have not ended, oldest first."""
    waiting = select(Job.id).where(Job.package_id == package_id, Job.state.not_in(JOB_ENDS))
    return list(s.scalars(waiting.order_by(Job.id)).all())


def failed_studies(s: Session, package_id: int) -> int:
    """On how many different Studies the package's jobs have failed since it came into its present state."""
    since = select(ModelPackage.state_at).where(ModelPackage.id == package_id).scalar_subquery()
    failed = select(func.count(Job.study_id.distinct())).where(Job.package_id == package_id, Job.state == "failed")
    return s.scalar(failed.where(Job.updated_at >= since)) or 0


def _locked(s: Session, package_id: int) -> ModelPackage:
    get_package(s, package_id)
    query = select(ModelPackage).where(ModelPackage.id == package_id)
    return s.scalars(query.with_for_update().execution_options(populate_existing=True)).one()


def _move(s: Session, package: ModelPackage, state: str, reason: str, at: datetime) -> None:
    move(s, ModelPackage, package.state, state, ModelPackage.id == package.id, reason=reason, state_at=at)
    events.record(s, f"package.{state}", at, package_id=package.id, name=package.name, digest=package.digest, reason=reason)


def _retire_others(s: Session, package: ModelPackage, at: datetime) -> None:
    others = select(ModelPackage).where(ModelPackage.name == package.name, ModelPackage.id != package.id)
    for other in s.scalars(others.where(ModelPackage.state == "active").with_for_update()).all():
        _move(s, other, "retired", f"superseded by version {package.version}", at)

"""Handing out jobs under leases, and taking them back from workers that have gone."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime

from sqlalchemy.orm import Session

from storage.database import Database
from storage.jobs.fence import Claim, Fence, Kind

BOTH: tuple[Kind, ...] = ("infer", "report")


def claimable(s: Session, at: datetime, kinds: Collection[Kind] = BOTH) -> bool:
    """Whether a claim would find something now. Only reads: an idle dispatcher asks this and takes no write lock."""
    raise NotImplementedError


def claim(s: Session, worker: str, lease_s: float, limit: int, at: datetime, kinds: Collection[Kind] = BOTH) -> list[Claim]:
    """Take up to ``limit`` tasks for ``lease_s`` seconds: highest priority first, then oldest."""
    raise NotImplementedError


def take(db: Database, worker: str, lease_s: float, limit: int, kinds: Collection[Kind] = BOTH) -> list[Claim]:
    """``claim`` in a transaction of its own, begun only when ``claimable``: what a dispatcher's loop calls."""
    raise NotImplementedError


def renew(s: Session, fence: Fence, lease_s: float, at: datetime) -> None:
    """Keep a held task for ``lease_s`` seconds from now.

    Raises
    ------
    LeaseLost
        Somebody else has it, or it was cancelled: stop working on it.
    """
    raise NotImplementedError


def expired(s: Session, at: datetime) -> list[int]:
    """Ids of jobs whose lease has run out. Only reads."""
    raise NotImplementedError


def reap_expired(s: Session, at: datetime, limit: int = 5) -> list[int]:
    """Release every job whose lease ran out, as ``release_infra`` does; returns their ids."""
    raise NotImplementedError


def release_former(s: Session, worker_prefix: str, worker: str, at: datetime, limit: int = 5) -> list[int]:
    """Release what earlier lives of this worker hold (names that begin with ``worker_prefix``), without delay."""
    raise NotImplementedError

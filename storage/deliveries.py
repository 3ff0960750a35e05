"""Deliveries: one result object to one peer. Claimed under leases like jobs; the only writer of delivery rows.

A delivery whose dependency (the SEG that an SR refers to) isn't delivered stays pending; when the dependency has failed,
``last_error`` says so.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy.orm import Session

from storage.database import Database
from storage.schema import Delivery, ResultObject


@dataclass(frozen=True)
class Fence:
    """Proof of ownership of a delivery in state ``sending``."""

    delivery_id: int
    worker: str
    attempt: int


@dataclass(frozen=True)
class DeliveryClaim:
    """One object to send to one peer. ``attempts`` counts tries, this one included; back-off and giving up go by it and
    ``created_at`` (begin of the delivery, or of a person's retry)."""

    id: int
    attempt: int
    peer: str
    worker: str
    attempts: int
    created_at: datetime
    result_id: int
    job_id: int
    study_id: int
    role: str
    blob_key: str
    sha256: str
    size_bytes: int
    sop_class_uid: str
    sop_instance_uid: str
    series_instance_uid: str

    @property
    def fence(self) -> Fence:
        return Fence(self.id, self.worker, self.attempt)


def add_deliveries(s: Session, results: Sequence[ResultObject], peers: Sequence[str], at: datetime) -> list[Delivery]:
    """Begin the deliveries that are missing among DICOM results and peers; a report waits for the other objects of its job."""
    raise NotImplementedError


def due(s: Session, at: datetime) -> bool:
    """Whether ``claim_due`` would find something now. Only reads."""
    raise NotImplementedError


def claim_due(s: Session, worker: str, lease_s: float, limit: int, at: datetime) -> list[DeliveryClaim]:
    """Take up to ``limit`` deliveries whose time has come and whose dependency is delivered, longest waiting first."""
    raise NotImplementedError


def take(db: Database, worker: str, lease_s: float, limit: int) -> list[DeliveryClaim]:
    """``claim_due`` in a transaction of its own, begun only when something is ``due``."""
    raise NotImplementedError


def renew(s: Session, fence: Fence, lease_s: float, at: datetime) -> None:
    """Keep a held delivery for ``lease_s`` seconds from now. LeaseLost when it isn't held any more."""
    raise NotImplementedError


def mark_delivered(s: Session, fence: Fence, status: int, at: datetime) -> None:
    """-> ``delivered``. ``status`` is the C-STORE status (0x0000 or a warning, PS3.4 B.2.3). LeaseLost as everywhere."""
    raise NotImplementedError


def retry_later(s: Session, fence: Fence, status: int | None, error: str, delay_s: float, at: datetime) -> None:
    """-> ``pending``, to be tried again after ``delay_s`` seconds. ``status`` is None when no answer came."""
    raise NotImplementedError


def fail(s: Session, fence: Fence, status: int | None, error: str, at: datetime) -> None:
    """-> ``failed``: the peer will not take it, or patience has run out. A person may retry."""
    raise NotImplementedError


def retry(s: Session, delivery_id: int, at: datetime) -> Delivery:
    """A person's retry of a failed delivery; a pending one becomes due at once. MoveRefused otherwise."""
    raise NotImplementedError


def expired(s: Session, at: datetime) -> list[int]:
    """Ids of deliveries whose lease has run out. Only reads."""
    raise NotImplementedError


def reap_expired(s: Session, at: datetime) -> list[int]:
    """Put deliveries whose lease ran out back to ``pending``, due at once; returns their ids."""
    raise NotImplementedError


def release_former(s: Session, worker_prefix: str, worker: str, at: datetime) -> list[int]:
    """Put back what earlier lives of this worker hold (names that begin with ``worker_prefix``)."""
    raise NotImplementedError


def list_(
    s: Session, *, state: str | None = None, peer: str | None = None, job_id: int | None = None, limit: int = 200
) -> list[Delivery]:
    """The newest deliveries, newest first."""
    raise NotImplementedError

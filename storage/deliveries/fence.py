"""What a sender holds of a delivery."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime


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

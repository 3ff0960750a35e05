"""What a worker holds of a job: a claim, and the fence that every later write of it must pass."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, TypeAlias

Kind: TypeAlias = Literal["infer", "report"]
Held: TypeAlias = Literal["inferring", "reporting"]


@dataclass(frozen=True)
class Fence:
    """Proof of ownership: a write that doesn't match all four finds no row, and its worker has lost the lease."""

    job_id: int
    worker: str
    attempt: int
    state: Held


@dataclass(frozen=True)
class Claim:
    """One task that a worker has taken."""

    job_id: int
    attempt: int
    kind: Kind
    worker: str

    @property
    def fence(self) -> Fence:
        return Fence(self.job_id, self.worker, self.attempt, "inferring" if self.kind == "infer" else "reporting")


@dataclass(frozen=True)
class NewResult:
    """One output of a report task, as ``finish_report`` takes it. Results with a SOP Instance UID are sent to destinations."""

    role: str
    blob_key: str
    sha256: str
    size_bytes: int
    sop_class_uid: str = ""
    sop_instance_uid: str = ""
    series_instance_uid: str = ""

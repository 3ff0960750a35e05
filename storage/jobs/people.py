"""What a person may ask of a job."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy.orm import Session

from storage.schema import Job


def cancel(s: Session, job_id: int, at: datetime) -> Job:
    """Stop a job that hasn't ended; its worker learns it when it renews. MoveRefused when it has ended."""
    raise NotImplementedError


def retry(s: Session, job_id: int, at: datetime) -> Job:
    """Start a refused, failed, dead or cancelled job anew, counters at nought. MoveRefused from any other state."""
    raise NotImplementedError


def rerun(s: Session, job_id: int, at: datetime) -> Job:
    """Run an ended job once more beside its old results: a new job, the next generation. MoveRefused while it is under way."""
    raise NotImplementedError

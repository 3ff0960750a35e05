"""How a held job goes on. Each call is fenced, writes one event, and raises LeaseLost when the caller holds the job no more."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy.orm import Session

from storage.jobs.fence import Fence, NewResult


def finish_infer(
    s: Session,
    fence: Fence,
    label_map: dict[str, Any],
    measurements: Sequence[dict[str, Any]],
    timings: dict[str, float],
    at: datetime,
) -> None:
    """``inferring`` -> ``inferred``: the label map (key, sha256, size_bytes) is durable and stays, whatever follows."""
    raise NotImplementedError


def finish_report(
    s: Session,
    fence: Fence,
    results: Sequence[NewResult],
    timings: dict[str, float],
    at: datetime,
    measurements: Sequence[dict[str, Any]] | None = None,
) -> None:
    """``reporting`` -> ``done``: result rows, and a delivery of each DICOM result to each destination, SEG before SR."""
    raise NotImplementedError


def refuse(s: Session, fence: Fence, code: str, reason: str, at: datetime) -> None:
    """-> ``refused``: the input can't be used; a person reads ``reason``."""
    raise NotImplementedError


def fail(s: Session, fence: Fence, code: str, reason: str, at: datetime) -> None:
    """-> ``failed``: the model or its output is at fault; ``attempts`` grows."""
    raise NotImplementedError


def release_infra(s: Session, fence: Fence, code: str, reason: str, at: datetime, limit: int = 5) -> str:
    """Back to ``ready`` or ``inferred`` after a back-off, or to ``dead`` at the ``limit``-th failure; returns the state."""
    raise NotImplementedError

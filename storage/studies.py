"""Studies as routing sees them: which wait for an evaluation, and their frozen revisions."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from sqlalchemy import Row, func, select, update
from sqlalchemy.orm import Session

from storage import events
from storage.database import lease_time
from storage.rows import insert_new
from storage.schema import (
    Arrival,
    Association,
    Evaluation,
    Instance,
    InstanceHeader,
    ResultObject,
    Revision,
    RevisionInstance,
    Series,
    Study,
)

_CHUNK = 500  # bound parameters a query; SQLite builds may take no more than 999


@dataclass(frozen=True)
class StudyQuiet:
    """A Study that waits: when it last grew, whether it may be growing now, and at which quiet times it was looked at.

    ``evaluated`` maps ``quiet_s`` to the highest ``arrival_count`` that was evaluated with it.
    """

    study_id: int
    study_instance_uid: str
    last_arrival_at: datetime
    arrival_count: int
    open_associations: int
    modalities: frozenset[str]
    evaluated: dict[float, int] = field(default_factory=dict)


@dataclass(frozen=True)
class InstanceContent:
    """One Instance of a revision; ``header`` is its data set without bulk data in the DICOM JSON model."""

    instance_id: int
    sop_instance_uid: str
    sha256: str
    blob_key: str
    header: dict[str, Any]


@dataclass(frozen=True)
class SeriesContent:
    """One Series of a revision, Instances by SOP Instance UID (no geometric order)."""

    series_id: int
    series_instance_uid: str
    modality: str
    instances: list[InstanceContent]


def pending_studies(s: Session) -> list[StudyQuiet]:
    """Studies with arrivals that aren't settled yet, longest quiet first. See ``settle``."""
    raise NotImplementedError


def settle(s: Session, study_id: int, arrival_count: int) -> None:
    """Every quiet time that applies has been evaluated at ``arrival_count``: the Study isn't pending until it grows again."""
    raise NotImplementedError


def freeze_revision(s: Session, study_id: int, at: datetime) -> tuple[Revision, bool]:
    """Freeze what the Study holds now: of each SOP Instance UID the newest version.

    Returns
    -------
    The revision with this content and whether it is a new one; the same content gives the same revision again.
    """
    raise NotImplementedError


def revision_series(s: Session, revision_id: int) -> list[SeriesContent]:
    """What a revision holds, Series by UID."""
    raise NotImplementedError


def own_sop_instance_uids(s: Session, uids: Iterable[str]) -> set[str]:
    """Those of ``uids`` that name results of ours, which must not be routed back in."""
    raise NotImplementedError

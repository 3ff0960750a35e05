"""Asking for a run. Rules that ask for the same run share one job."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy.orm import Session

from storage.schema import Job, ModelPackage


def parameters_digest(parameters: Mapping[str, Any]) -> str:
    """SHA-256 of the parameters as canonical JSON."""
    raise NotImplementedError


def input_digest(s: Session, revision_id: int, inputs: Mapping[str, int]) -> str:
    """SHA-256 over (input name, SOP Instance UID, SHA-256) of the named Series' Instances in the revision, and nothing else.

    ``inputs`` maps names to row ids of Series.
    """
    raise NotImplementedError


def request_job(
    s: Session,
    *,
    study_id: int,
    revision_id: int,
    package: ModelPackage,
    parameters: Mapping[str, Any],
    inputs: Mapping[str, int],
    priority: int,
    destinations: Sequence[str],
    rule_name: str,
    at: datetime,
) -> tuple[Job, bool]:
    """Ask for a run of ``package`` on the named Series (``inputs``: name -> row id of the Series).

    Returns
    -------
    The job and whether it is new. When the same run (model, parameters, input content) was asked for before, its latest
    generation gets the destinations that it lacks; if it is done, their deliveries begin at once.
    """
    raise NotImplementedError

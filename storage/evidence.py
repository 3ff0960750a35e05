"""What peers say that a Study holds, and how that compares with what is held.

Three kinds: the instances of a performed procedure step that was completed (``mpps``), a request for storage commitment
(``commitment``), and a notification of availability (``ian``). They come in any order, before or after the Study itself, and any
may come twice.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Literal, TypeAlias

from sqlalchemy import select, update
from sqlalchemy.orm import Session

from storage.rows import insert_new, move
from storage.schema import Evidence, Instance, ProcedureStep, Series, Study

Kind: TypeAlias = Literal["mpps", "commitment", "ian"]
StepState: TypeAlias = Literal["in-progress", "completed", "discontinued"]
_CHUNK = 500  # bound parameters a query; SQLite builds may take no more than 999


@dataclass(frozen=True)
class Listing:
    """What the newest evidence of one kind says of a Study, beside what is held.

    ``listed`` Instances are named, of which ``missing`` are not held; ``beyond`` of the Study are held and not named.
    ``unfinished``: procedure steps of the Study that are still in progress.
    """

    kind: Kind
    source_uid: str
    listed: int
    missing: int
    beyond: int
    unfinished: int = 0


def note_step(
    s: Session,
    *,
    uid: str,
    ae_title: str,
    state: StepState,
    studies: Iterable[str],
    sop_instance_uids: Collection[str] | None,
    at: datetime,
) -> None:
    """A procedure step was created or set; of several messages the end of the step stands, in whatever order they come.

    ``sop_instance_uids`` None: the message names no Instances. Those of a step that was discontinued prove nothing.
    """
    insert_new(s, ProcedureStep, uid=uid, ae_title=ae_title, state="in-progress", began_at=at)
    if state != "in-progress":
        move(s, ProcedureStep, "in-progress", state, ProcedureStep.uid == uid, ended_at=at)
    now = s.scalars(select(ProcedureStep.state).where(ProcedureStep.uid == uid)).one()
    for study in studies:
        _put(s, "mpps", uid, study, ae_title, at, finished=now != "in-progress")
    if sop_instance_uids is not None and state == now:
        _list(s, uid, [] if now == "discontinued" else list(sop_instance_uids))


def note_availability(
    s: Session, *, uid: str, ae_title: str, study_instance_uid: str, sop_instance_uids: Collection[str], at: datetime
) -> None:
    """A notification of availability came."""
    _put(s, "ian", uid, study_instance_uid, ae_title, at, finished=True, listed=list(sop_instance_uids))


def note_commitment(s: Session, *, transaction_uid: str, ae_title: str, sop_instance_uids: Collection[str], at: datetime) -> None:
    """Storage commitment was asked for: evidence for each Study that any of the Instances belongs to, as far as held now."""
    for study in _studies_of(s, sop_instance_uids):
        _put(s, "commitment", transaction_uid, study, ae_title, at, finished=True, listed=list(sop_instance_uids))


def listings(s: Session, study_instance_uids: Collection[str]) -> dict[str, list[Listing]]:
    """For each of the Studies of which something was said: one listing a kind. Studies without evidence are left out."""
    found: dict[str, list[Evidence]] = {}
    for chunk in _chunks(study_instance_uids):
        query = select(Evidence).where(Evidence.study_instance_uid.in_(chunk)).order_by(Evidence.at, Evidence.id)
        for evidence in s.scalars(query):
            found.setdefault(evidence.study_instance_uid, []).append(evidence)
    return {study: _listings_of(s, study, rows) for study, rows in found.items()}


def _listings_of(s: Session, study_instance_uid: str, rows: list[Evidence]) -> list[Listing]:
    held = _held_in(s, study_instance_uid)
    steps = [row for row in rows if row.kind == "mpps"]
    made: list[Listing] = []
    if steps:  # a Study may have several steps, each naming its own part
        named = {uid for row in steps for uid in row.sop_instance_uids}
        unfinished = sum(not row.finished for row in steps)
        made.append(_compared(s, "mpps", steps[-1].source_uid, named, held, unfinished))
    kinds: tuple[Kind, ...] = ("commitment", "ian")
    for kind in kinds:
        newest = next((row for row in reversed(rows) if row.kind == kind), None)
        if newest is not None:
            made.append(_compared(s, kind, newest.source_uid, set(newest.sop_instance_uids), held))
    return made


def _compared(s: Session, kind: Kind, source_uid: str, named: set[str], held: set[str], unfinished: int = 0) -> Listing:
    """Instances that are named may belong to another Study: those count as held too."""
    missing = len(named - held - _held_anywhere(s, named - held))
    return Listing(kind, source_uid, len(named), missing, len(held - named), unfinished)


def _put(
    s: Session,
    kind: Kind,
    source_uid: str,
    study_instance_uid: str,
    ae_title: str,
    at: datetime,
    *,
    finished: bool,
    listed: list[str] | None = None,
) -> None:
    """One row; one that is there becomes finished when it is told so, and never the other way round."""
    key = {"kind": kind, "source_uid": source_uid, "study_instance_uid": study_instance_uid}
    new = insert_new(s, Evidence, **key, ae_title=ae_title, at=at, finished=finished, sop_instance_uids=listed or [])
    if finished and not new:
        s.execute(update(Evidence).filter_by(**key, finished=False).values(finished=True, at=at))


def _list(s: Session, step_uid: str, sop_instance_uids: list[str]) -> None:
    of_step = update(Evidence).where(Evidence.kind == "mpps", Evidence.source_uid == step_uid)
    s.execute(of_step.values(sop_instance_uids=sop_instance_uids), execution_options={"synchronize_session": "fetch"})


def _held_in(s: Session, study_instance_uid: str) -> set[str]:
    query = (
        select(Instance.sop_instance_uid)
        .join(Series, Series.id == Instance.series_id)
        .join(Study, Study.id == Series.study_id)
        .where(Study.study_instance_uid == study_instance_uid)
    )
    return set(s.scalars(query))


def _held_anywhere(s: Session, uids: Collection[str]) -> set[str]:
    found: set[str] = set()
    for chunk in _chunks(uids):
        found.update(s.scalars(select(Instance.sop_instance_uid).where(Instance.sop_instance_uid.in_(chunk))))
    return found


def _studies_of(s: Session, uids: Collection[str]) -> list[str]:
    found: set[str] = set()
    for chunk in _chunks(uids):
        query = (
            select(Study.study_instance_uid)
            .join(Series, Series.study_id == Study.id)
            .join(Instance, Instance.series_id == Series.id)
            .where(Instance.sop_instance_uid.in_(chunk))
            .distinct()
        )
        found.update(s.scalars(query))
    return sorted(found)


def _chunks(uids: Collection[str]) -> Iterable[list[str]]:
    wanted = sorted(uids)
    return (wanted[start : start + _CHUNK] for start in range(0, len(wanted), _CHUNK))

"""The arrivals of a batch: Studies, Series, Instances and their versions."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import insert, select
from sqlalchemy.orm import Session

from storage import events
from storage.intake.associations import Known
from storage.intake.facts import Arrived, ArrivedInstance
from storage.rows import chunks, insert_all, insert_new
from storage.schema import Arrival, Instance, InstanceHeader, Series, Study


@dataclass
class _Version:
    """One version of a SOP Instance; ``id`` is 0 until its row is written."""

    sha256: str
    number: int
    id: int = 0


@dataclass(frozen=True)
class _Taken:
    """An arrival that counts."""

    arrived: ArrivedInstance
    study: Study
    version: _Version
    duplicate: bool
    association: Known | None


class Arrivals:
    """Built once a batch, and locks its Studies; arrivals are told in their order, then `write`."""

    def __init__(self, s: Session, told: Sequence[ArrivedInstance]) -> None:
        self._s = s
        uids = sorted({one.study_instance_uid for one in told})
        self._studies = _locked(s, uids)
        self._seen = _seen(s, told)
        self._make_studies(told)
        self._versions = _versions(s, told)
        self._taken: list[_Taken] = []
        self._new: list[_Taken] = []

    def take(self, arrived: ArrivedInstance, association: Known | None) -> Arrived:
        """Count one arrival. As `storage.intake.take_in` says."""
        if arrived.spool_record in self._seen:
            return "seen"
        self._seen.add(arrived.spool_record)
        study = self._studies[arrived.study_instance_uid]
        versions = self._versions.setdefault(arrived.sop_instance_uid, [])
        same = next((version for version in versions if version.sha256 == arrived.sha256), None)
        version = same or _Version(arrived.sha256, len(versions) + 1)
        taken = _Taken(arrived, study, version, same is not None, association)
        self._taken.append(taken)
        study.arrival_count += 1
        study.first_arrival_at = min(study.first_arrival_at, arrived.received_at)
        study.last_arrival_at = max(study.last_arrival_at, arrived.received_at)
        if same is not None:
            return "duplicate"
        versions.append(version)
        self._new.append(taken)
        return "new" if version.number == 1 else "version"

    def write(self, breaks_of: Callable[[Known], list[datetime]]) -> None:
        """Write all rows; ``breaks_of`` tells when what an association brought was cut off."""
        self._write_instances(self._series())
        rows = [
            {
                "instance_id": taken.version.id,
                "association_id": taken.association and taken.association.id,
                "spool_record": taken.arrived.spool_record,
                "received_at": taken.arrived.received_at,
                "duplicate": taken.duplicate,
            }
            for taken in self._taken
        ]
        if rows:
            self._s.connection().execute(insert(Arrival), rows)
        for taken in self._taken:
            for at in breaks_of(taken.association) if taken.association else ():
                note_break(taken.study, at)

    def _make_studies(self, told: Sequence[ArrivedInstance]) -> None:
        """Rows for Studies that aren't known; the first arrival that isn't known either makes one."""
        made: set[str] = set()
        records = set(self._seen)
        for one in told:
            uid, at = one.study_instance_uid, one.received_at
            if one.spool_record in records or uid in self._studies or uid in made:
                records.add(one.spool_record)
                continue
            records.add(one.spool_record)
            made.add(uid)
            if insert_new(
                self._s, Study, study_instance_uid=uid, first_arrival_at=at, last_arrival_at=at, arrival_count=0, settled_count=0
            ):
                study_id = self._s.scalars(select(Study.id).where(Study.study_instance_uid == uid)).one()
                events.record(self._s, "study.first-instance", at, study_id=study_id, study_instance_uid=uid)
        self._studies.update(_locked(self._s, sorted(made)))

    def _series(self) -> dict[tuple[int, str], int]:
        """Row ids of the new Instances' Series, made where there are none."""
        modalities: dict[tuple[int, str], str] = {}
        for taken in self._new:
            modalities.setdefault((taken.study.id, taken.arrived.series_instance_uid), taken.arrived.modality)
        found = self._find_series(modalities)
        missing = {key: modality for key, modality in modalities.items() if key not in found}
        rows = [{"study_id": key[0], "series_instance_uid": key[1], "modality": made} for key, made in missing.items()]
        insert_all(self._s, Series, rows)
        return found | self._find_series(missing)

    def _find_series(self, wanted: dict[tuple[int, str], str]) -> dict[tuple[int, str], int]:
        found = {}
        columns = (Series.study_id, Series.series_instance_uid, Series.id)
        for chunk in chunks({uid for _, uid in wanted}):
            for study_id, uid, row_id in self._s.execute(select(*columns).where(Series.series_instance_uid.in_(chunk))):
                found[study_id, uid] = row_id
        return found

    def _write_instances(self, series: dict[tuple[int, str], int]) -> None:
        if not self._new:
            return
        connection = self._s.connection()
        connection.execute(insert(Instance), [_instance_row(taken, series) for taken in self._new])
        written = _versions(self._s, [taken.arrived for taken in self._new])
        for taken in self._new:
            taken.version.id = written[taken.arrived.sop_instance_uid][taken.version.number - 1].id
            if taken.version.number > 1:
                self._note_version(taken)
        headers = [{"instance_id": taken.version.id, "dataset": taken.arrived.header} for taken in self._new]
        connection.execute(insert(InstanceHeader), headers)

    def _note_version(self, taken: _Taken) -> None:
        events.record(
            self._s,
            "instance.version",
            taken.arrived.received_at,
            study_id=taken.study.id,
            sop_instance_uid=taken.arrived.sop_instance_uid,
            version=taken.version.number,
        )


def note_break(study: Study, at: datetime) -> None:
    """The Study's sender may have been cut off until then; the latest such time stands."""
    study.broken_off_at = max(study.broken_off_at or at, at)


def _locked(s: Session, uids: Sequence[str]) -> dict[str, Study]:
    found: dict[str, Study] = {}
    for chunk in chunks(uids):
        query = select(Study).where(Study.study_instance_uid.in_(chunk)).order_by(Study.id).with_for_update()
        found.update((study.study_instance_uid, study) for study in s.scalars(query))
    return found


def _seen(s: Session, told: Sequence[ArrivedInstance]) -> set[str]:
    found: set[str] = set()
    for chunk in chunks({one.spool_record for one in told}):
        found.update(s.scalars(select(Arrival.spool_record).where(Arrival.spool_record.in_(chunk))))
    return found


def _versions(s: Session, told: Sequence[ArrivedInstance]) -> dict[str, list[_Version]]:
    """By SOP Instance UID: the versions held, in their order."""
    found: dict[str, list[_Version]] = {}
    columns = (Instance.sop_instance_uid, Instance.sha256, Instance.version, Instance.id)
    for chunk in chunks({one.sop_instance_uid for one in told}):
        query = select(*columns).where(Instance.sop_instance_uid.in_(chunk)).order_by(Instance.version)
        for uid, sha256, number, row_id in s.execute(query):
            found.setdefault(uid, []).append(_Version(sha256, number, row_id))
    return found


def _instance_row(taken: _Taken, series: dict[tuple[int, str], int]) -> dict[str, object]:
    arrived = taken.arrived
    return {
        "series_id": series[taken.study.id, arrived.series_instance_uid],
        "sop_instance_uid": arrived.sop_instance_uid,
        "sop_class_uid": arrived.sop_class_uid,
        "transfer_syntax_uid": arrived.transfer_syntax_uid,
        "sha256": arrived.sha256,
        "size_bytes": arrived.size_bytes,
        "blob_key": arrived.blob_key,
        "version": taken.version.number,
        "first_arrival_at": arrived.received_at,
    }

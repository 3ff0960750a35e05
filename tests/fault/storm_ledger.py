"""What senders in a storm of kills were told, held against what is there afterwards."""

from __future__ import annotations

import hashlib
from collections import Counter
from dataclasses import dataclass, field, fields
from pathlib import Path

from sqlalchemy import func, select

from node.receive.spool.spool import SpoolFolders
from storage.blobs import Blobs
from storage.database import Database
from storage.schema import Arrival, Event, Instance


@dataclass
class Ledger:
    """What one sender knows: by SOP Instance UID the SHA-256 of the data set, how often it was sent, and what was answered."""

    sha256: dict[str, str] = field(default_factory=dict)
    tries: Counter[str] = field(default_factory=Counter)
    acknowledged: set[str] = field(default_factory=set)
    refused: Counter[int] = field(default_factory=Counter)
    associations: int = 0


@dataclass(frozen=True)
class Summary:
    """What came of it. All fields from ``missing`` on must be 0."""

    kills_of_workers: int
    kills_of_masters: int
    seconds: float
    associations: int
    sent: int
    acknowledged: int
    sent_again: int
    in_database: int
    missing: int = 0
    present_twice: int = 0
    other_bytes_in_rows: int = 0
    other_bytes_in_blobs: int = 0
    arrivals_without_a_store: int = 0
    acknowledged_without_an_arrival: int = 0
    partial_files: int = 0
    objects_without_a_line: int = 0
    lines_put_apart: int = 0
    refused: int = 0
    senders_that_failed: int = 0

    @property
    def broken(self) -> dict[str, int]:
        """The promises that were not kept, and how often."""
        names = [found.name for found in fields(self)]
        return {name: getattr(self, name) for name in names[names.index("missing") :] if getattr(self, name)}


def judged(folder: Path, db: Database, blobs: Blobs, ledgers: list[Ledger]) -> Summary:
    """Hold what was acknowledged against rows, blobs and what lies in the spools."""
    sha256 = {uid: digest for ledger in ledgers for uid, digest in ledger.sha256.items()}
    tries = {uid: count for ledger in ledgers for uid, count in ledger.tries.items()}
    acknowledged = {uid for ledger in ledgers for uid in ledger.acknowledged}
    with db.read() as s:
        rows: dict[str, list[Instance]] = {}
        for row in s.scalars(select(Instance)):
            rows.setdefault(row.sop_instance_uid, []).append(row)
        query = select(Instance.sop_instance_uid, func.count(Arrival.id)).join(Arrival, Arrival.instance_id == Instance.id)
        put_apart = s.scalar(select(func.count(Event.id)).where(Event.kind == "spool.put-apart")) or 0
        arrivals = {uid: count for uid, count in s.execute(query.group_by(Instance.sop_instance_uid))}
    homes = [SpoolFolders(home) for home in (folder / "spool").iterdir()]
    held = [row for found in rows.values() for row in found]
    return Summary(
        0,
        0,
        0.0,
        associations=sum(ledger.associations for ledger in ledgers),
        sent=sum(tries.values()),
        acknowledged=len(acknowledged),
        sent_again=sum(count - 1 for count in tries.values()),
        in_database=len(held),
        missing=len(acknowledged - set(rows)),
        present_twice=sum(len(found) > 1 for found in rows.values()),
        other_bytes_in_rows=sum(row.sha256 != sha256.get(row.sop_instance_uid) for row in held),
        other_bytes_in_blobs=sum(not _is_whole(blobs, row) for row in held),
        arrivals_without_a_store=sum(count > tries.get(uid, 0) for uid, count in arrivals.items()),
        acknowledged_without_an_arrival=len(acknowledged - set(arrivals)),
        partial_files=sum(len(list(home.part.iterdir())) for home in homes),
        objects_without_a_line=sum(len(list(home.objects.iterdir())) for home in homes),
        lines_put_apart=put_apart,
        refused=sum(sum(ledger.refused.values()) for ledger in ledgers),
    )


def _is_whole(blobs: Blobs, row: Instance) -> bool:
    return hashlib.sha256(blobs.get(row.blob_key)[-row.size_bytes :]).hexdigest() == row.sha256

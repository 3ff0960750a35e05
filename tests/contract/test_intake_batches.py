"""A batch of facts gives the rows that they would give one by one, on both databases, however they are cut into batches."""

from __future__ import annotations

import random
from dataclasses import replace
from typing import Any

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session

from storage import intake
from storage.database import Database
from storage.intake import AssociationEnded, AssociationOpened, Fact
from storage.schema import Arrival, Association, Event, Instance, InstanceHeader, Series, SourceAE, Study
from tests.support.databases import statements
from tests.support.seeds import after, instance, open_association

UIDS = ("a1", "a2", "a3", "unheard")


class Undone(Exception):
    """Ends a transaction that must leave nothing."""


def opened(uid: str, boot: int, second: float = 0.0) -> AssociationOpened:
    return AssociationOpened(uid, "r", boot, f"CT_{uid[-1] > '1'}", "WETREAD", "10.0.0.1", after(second))


def a_fact(chance: random.Random, number: int) -> list[Fact]:
    """One record's facts: what the indexer makes of an arrival or an end, with the association that it carries."""
    uid, boot = chance.choice(UIDS), chance.choice((1, 2))
    first: list[Fact] = [opened(uid, boot, chance.randrange(9))] if uid != "unheard" else []
    if chance.random() < 0.3:
        return [*first, AssociationEnded(uid, chance.choice(("released", "aborted", "lost")), after(chance.randrange(50)))]
    study, series = chance.choice(("1.2.3", "1.2.4", "1.2.5")), chance.choice((1, 2))
    found = instance(chance.randrange(4), study=study, series=series, content=chance.choice(("", "other")))
    record = f"r/{number if chance.random() < 0.9 else number - 1}"
    when = after(chance.randrange(40))
    # The same SOP Instance UID in either Series: versions may move between them.
    sop = f"{study}.{chance.randrange(4)}"
    return [*first, replace(found, sop_instance_uid=sop, spool_record=record, association_uid=uid, received_at=when)]


def rows_of(s: Session) -> dict[str, Any]:
    """Everything that was written, without row numbers."""
    sources = {x.id: (x.ae_title, x.host, x.first_seen_at, x.last_seen_at) for x in s.scalars(select(SourceAE))}
    studies = {x.id: x.study_instance_uid for x in s.scalars(select(Study))}
    series = {x.id: (studies[x.study_id], x.series_instance_uid, x.modality) for x in s.scalars(select(Series))}
    uids = {x.id: x.uid for x in s.scalars(select(Association))}
    instances = {x.id: (x.sop_instance_uid, x.version) for x in s.scalars(select(Instance))}
    return {
        "sources": sorted(sources.values()),
        "studies": sorted(
            (x.study_instance_uid, x.first_arrival_at, x.last_arrival_at, x.broken_off_at or after(-1), x.arrival_count)
            for x in s.scalars(select(Study))
        ),
        "series": sorted(series.values()),
        "associations": sorted(
            (x.uid, sources[x.source_id], x.boot, x.state, x.opened_at, x.closed_at or after(-1))
            for x in s.scalars(select(Association))
        ),
        "instances": sorted(
            (x.sop_instance_uid, x.version, x.sha256, x.size_bytes, x.blob_key, x.first_arrival_at, series[x.series_id])
            for x in s.scalars(select(Instance))
        ),
        "headers": sorted(instances[x.instance_id] for x in s.scalars(select(InstanceHeader))),
        "arrivals": sorted(
            (x.spool_record, instances[x.instance_id], uids.get(x.association_id or 0, ""), x.received_at, x.duplicate)
            for x in s.scalars(select(Arrival))
        ),
        "events": sorted((x.kind, x.at, studies.get(x.study_id or 0, ""), str(x.facts)) for x in s.scalars(select(Event))),
    }


def outcome(db: Database, batches: list[list[Fact]]) -> tuple[list[str], dict[str, Any]]:
    """What the batches answer and write, in a transaction that is undone."""
    answers: list[str] = []
    rows: dict[str, Any] = {}
    with pytest.raises(Undone), db.write() as s:
        intake.note_receiver_started(s, "r", 1, after(0))
        intake.note_receiver_started(s, "r", 2, after(30))
        open_association(s, "a1")
        for batch in batches:
            answers += intake.take_in(s, batch)
        s.expire_all()
        rows = rows_of(s)
        raise Undone
    return answers, rows


@pytest.mark.parametrize("seed", range(2))
def test_any_cut_into_batches_gives_the_same_rows(db: Database, seed: int) -> None:
    for turn in range(5):
        chance = random.Random(100 * seed + turn)
        facts = [fact for number in range(chance.randrange(1, 40)) for fact in a_fact(chance, number)]
        cuts = sorted(chance.sample(range(len(facts) + 1), min(3, len(facts))))
        batches = [facts[start:stop] for start, stop in zip([0, *cuts], [*cuts, len(facts)], strict=True)]
        one_by_one = outcome(db, [[fact] for fact in facts])
        assert outcome(db, [facts]) == one_by_one
        assert outcome(db, batches) == one_by_one


def a_study(size: int, start: int = 0) -> list[Fact]:
    """An association for each instance, as some archives do it."""
    facts: list[Fact] = []
    for number in range(start, start + size):
        uid = f"a{number}"
        facts += [
            opened(uid, 1),
            replace(instance(number), association_uid=uid),
            AssociationEnded(uid, "released", after(number)),
        ]
    return facts


def test_a_batch_takes_few_statements_however_long_it_is(db: Database) -> None:
    counts = []
    for size, start in ((3, 0), (390, 1000)):
        with statements(db) as sent, db.write() as s:
            intake.take_in(s, a_study(size, start))
        counts.append(len(sent))
    assert counts[1] <= counts[0] + 4 < 40, counts


def test_a_batch_may_be_larger_than_a_query_takes_parameters(db: Database) -> None:
    with db.write() as s:
        assert intake.take_in(s, a_study(1500)) == ["new"] * 1500
        assert intake.take_in(s, a_study(1500)) == ["seen"] * 1500
    with db.read() as s:
        assert s.scalars(select(Study.arrival_count)).one() == 1500
        assert {a.state for a in s.scalars(select(Association))} == {"released"}

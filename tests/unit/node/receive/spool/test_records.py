"""Records survive JSON; what is no record is refused without being quoted."""

from __future__ import annotations

import json

import pytest

from node.receive.spool.records import (
    AssociationClosed,
    AvailabilityNoted,
    CommitmentReported,
    CommitmentRequested,
    ProcedureStepNoted,
    Quarantined,
    ReceiverStarted,
    ReceiverStopped,
    Record,
    RecordDamaged,
    decode,
    encode,
)
from tests.unit.node.receive.encoding import encoded, identified
from tests.unit.node.receive.samples import AT, facts, received

RECORDS: list[Record] = [
    ReceiverStarted("receiver", 3, AT),
    ReceiverStopped("receiver", 3, AT),
    AssociationClosed(facts(), "aborted", AT),
    received(encoded(identified()))[1],
    Quarantined(facts(), AT, "truncated", "7FE00010", "1.2.840.10008.1.2.1", "ab" * 32, 77),
    CommitmentRequested(facts(), AT, "1.9", (("1.2.840.10008.5.1.4.1.1.2", "1.2.3"), ("1.2.840.10008.5.1.4.1.1.2", "1.2.4"))),
    CommitmentReported(facts(), AT, 7, 2, "1.9", 0),
    ProcedureStepNoted(facts(), AT, "1.8", "in-progress", ("1.2",), None),
    ProcedureStepNoted(facts(), AT, "1.8", "completed", ("1.2",), (("1.2.840.10008.5.1.4.1.1.2", "1.2.3"),)),
    AvailabilityNoted(facts(), AT, "1.7", "1.2", (("1.2.840.10008.5.1.4.1.1.2", "1.2.3"),)),
]


@pytest.mark.parametrize("record", RECORDS, ids=lambda record: record.kind)
def test_round_trip(record: Record) -> None:
    assert decode(encode(record)) == record


@pytest.mark.parametrize("record", RECORDS, ids=lambda record: record.kind)
def test_a_record_with_a_field_less_or_more_is_damaged(record: Record) -> None:
    fields = json.loads(encode(record))
    for broken in ({**fields, "new": 1}, {k: v for k, v in list(fields.items())[:-1]}, {**fields, "kind": "other"}):
        with pytest.raises(RecordDamaged):
            decode(json.dumps(broken).encode())


@pytest.mark.parametrize("data", [b"", b"{", b"[]", b"null", b'{"kind": []}', b"\xff\xfe", encode(RECORDS[0])[:-9]])
def test_what_is_no_record_is_damaged(data: bytes) -> None:
    with pytest.raises(RecordDamaged):
        decode(data)


def test_a_time_without_its_zone_is_damaged() -> None:
    text = encode(RECORDS[0]).decode().replace("+00:00", "")
    with pytest.raises(RecordDamaged):
        decode(text.encode())

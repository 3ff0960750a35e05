"""From entries of the spool to the rows of one transaction: arrivals and associations by the batch, the rest one by one."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TypeAlias

from node.receive.index.pending import Entry, blob_key
from node.receive.index.service_records import note_service
from node.receive.spool.records import AssociationClosed, AssociationFacts, InstanceReceived, ReceiverStarted, ReceiverStopped
from storage import intake
from storage.database import Session

_Batched: TypeAlias = AssociationClosed | InstanceReceived


def write_rows(s: Session, entries: Sequence[Entry]) -> list[intake.Arrived]:
    """Write what the entries tell, in their order; what came of each arrival, as `intake.take_in` says."""
    outcomes: list[intake.Arrived] = []
    facts: list[intake.Fact] = []
    for entry in entries:
        if isinstance(entry.record, _Batched):
            facts.extend(_facts(entry, entry.record))
            continue
        outcomes += intake.take_in(s, facts)
        facts = []
        _alone(s, entry)
    return outcomes + intake.take_in(s, facts)


def _alone(s: Session, entry: Entry) -> None:
    record = entry.record
    if isinstance(record, ReceiverStarted):
        intake.note_receiver_started(s, record.receiver, record.boot, record.at)
    elif isinstance(record, ReceiverStopped):
        intake.note_receiver_stopped(s, record.receiver, record.boot, record.at)
    else:
        note_service(s, record)


def _facts(entry: Entry, record: _Batched) -> Iterator[intake.Fact]:
    facts = record.association
    yield _opened(facts)
    if isinstance(record, AssociationClosed):
        yield intake.AssociationEnded(facts.uid, record.end, record.at)
        return
    yield intake.ArrivedInstance(
        spool_record=f"{facts.receiver}/{entry.name}",
        association_uid=facts.uid,
        received_at=record.received_at,
        study_instance_uid=record.study_instance_uid,
        series_instance_uid=record.series_instance_uid,
        sop_instance_uid=record.sop_instance_uid,
        sop_class_uid=record.sop_class_uid,
        transfer_syntax_uid=record.transfer_syntax_uid,
        modality=record.modality,
        sha256=record.sha256,
        size_bytes=record.size_bytes,
        blob_key=blob_key(record),
        header=entry.header,
    )


def _opened(facts: AssociationFacts) -> intake.AssociationOpened:
    return intake.AssociationOpened(
        uid=facts.uid,
        receiver=facts.receiver,
        boot=facts.boot,
        calling_ae_title=facts.calling_ae_title,
        called_ae_title=facts.called_ae_title,
        host=facts.host,
        at=facts.opened_at,
    )

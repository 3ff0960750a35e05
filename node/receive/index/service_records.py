"""Spool records of the DIMSE-N services, into rows: requests for commitment, procedure steps, notifications."""

from __future__ import annotations

from node.receive.spool.records import AvailabilityNoted, CommitmentReported, CommitmentRequested, ProcedureStepNoted, Record
from storage import commitments, evidence
from storage.commitments.requests import Request
from storage.database import Session


def note_service(s: Session, record: Record) -> None:
    """Write what a peer said of Instances; a record of another kind changes nothing. May be called again with the same."""
    if isinstance(record, CommitmentRequested):
        facts = record.association
        request = Request(facts.calling_ae_title, facts.called_ae_title, facts.host, facts.uid, record.received_at)
        commitments.note_requested(s, request, record.transaction_uid, record.references)
    elif isinstance(record, CommitmentReported):
        commitments.note_reported(s, record.commitment, record.asked, record.transaction_uid, record.status, record.at)
    elif isinstance(record, ProcedureStepNoted):
        evidence.note_step(
            s,
            uid=record.step_uid,
            ae_title=record.association.calling_ae_title,
            state=record.state,
            studies=record.studies,
            sop_instance_uids=None if record.references is None else [instance for _, instance in record.references],
            at=record.received_at,
        )
    elif isinstance(record, AvailabilityNoted):
        evidence.note_availability(
            s,
            uid=record.notice_uid,
            ae_title=record.association.calling_ae_title,
            study_instance_uid=record.study_instance_uid,
            sop_instance_uids=[instance for _, instance in record.references],
            at=record.received_at,
        )

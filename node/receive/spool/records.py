"""Spool records: what the receiver tells the indexer, as typed values and as compact JSON.

A record's name is ``BOOT-NUMBER-SPOOL``: names sort in the order of one receiver's life without a clock, and never repeat, not
even when the spool's disk is replaced by an empty one. A record carries its association whole, so that none needs another.
Absent on purpose: patient data; UIDs, AE titles, hosts and digests are all there is.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from dataclasses import fields as fields_of
from datetime import datetime
from functools import cached_property
from typing import Any, ClassVar, Literal, TypeAlias, get_args

from storage.base.errors import WetreadError

_compact = json.JSONEncoder(separators=(",", ":"), default=lambda value: _plain(value)).encode

AssociationEnd: TypeAlias = Literal["released", "aborted", "lost"]
StepState: TypeAlias = Literal["in-progress", "completed", "discontinued"]
References: TypeAlias = tuple[tuple[str, str], ...]
"""Instances by SOP Class UID and SOP Instance UID, as a peer named them."""


class RecordDamaged(WetreadError):
    """A spool record can't be read."""

    code = "record-damaged"


@dataclass(frozen=True)
class AssociationFacts:
    """Who is at the other end of an association; ``uid`` is our own name for it, ``boot`` the receiver's life it belongs to."""

    uid: str
    receiver: str
    boot: int
    calling_ae_title: str
    called_ae_title: str
    host: str
    opened_at: datetime

    @cached_property
    def as_json(self) -> str:
        """The facts as JSON: made once, written with every instance of the association."""
        return _compact(_fields(self))


@dataclass(frozen=True)
class ReceiverStarted:
    """A receiver began life number ``boot``; associations of its earlier lives are gone."""

    kind: ClassVar[str] = "receiver_started"
    receiver: str
    boot: int
    at: datetime


@dataclass(frozen=True)
class ReceiverStopped:
    """A receiver's life ended in order: nobody can send to it until it begins another."""

    kind: ClassVar[str] = "receiver_stopped"
    receiver: str
    boot: int
    at: datetime


@dataclass(frozen=True)
class AssociationClosed:
    """An association that brought instances ended."""

    kind: ClassVar[str] = "association_closed"
    association: AssociationFacts
    end: AssociationEnd
    at: datetime


@dataclass(frozen=True)
class InstanceReceived:
    """A C-STORE was answered with success; the object of the same name holds ``data_offset`` bytes of ours, then its data set.

    ``sha256`` and ``size_bytes`` are of the data set's bytes as received.
    """

    kind: ClassVar[str] = "instance"
    association: AssociationFacts
    received_at: datetime
    sop_class_uid: str
    sop_instance_uid: str
    study_instance_uid: str
    series_instance_uid: str
    modality: str
    transfer_syntax_uid: str
    sha256: str
    size_bytes: int
    data_offset: int


@dataclass(frozen=True)
class Quarantined:
    """Bytes that were refused and kept: ``reason`` is our stable code, ``tag`` the element at which it was found."""

    kind: ClassVar[str] = "quarantined"
    association: AssociationFacts
    received_at: datetime
    reason: str
    tag: str
    transfer_syntax_uid: str
    sha256: str
    size_bytes: int


@dataclass(frozen=True)
class CommitmentRequested:
    """An N-ACTION of the Storage Commitment Push Model was answered with success (PS3.4 J.3.2)."""

    kind: ClassVar[str] = "commitment_requested"
    association: AssociationFacts
    received_at: datetime
    transaction_uid: str
    references: References


@dataclass(frozen=True)
class CommitmentReported:
    """A result was sent on an association that the requester opened; ``status`` is its answer, None when there was none.

    ``commitment`` and ``asked`` are those of the offer that it followed.
    """

    kind: ClassVar[str] = "commitment_reported"
    association: AssociationFacts
    at: datetime
    commitment: int
    asked: int
    transaction_uid: str
    status: int | None


@dataclass(frozen=True)
class ProcedureStepNoted:
    """An N-CREATE or N-SET of a Modality Performed Procedure Step was answered with success (PS3.4 F.7.2).

    ``references`` None: this message says nothing of instances, and what was said before stands.
    """

    kind: ClassVar[str] = "procedure_step"
    association: AssociationFacts
    received_at: datetime
    step_uid: str
    state: StepState
    studies: tuple[str, ...]
    references: References | None


@dataclass(frozen=True)
class AvailabilityNoted:
    """An Instance Availability Notification was answered with success (PS3.4 R.3); instances said to be gone are left out."""

    kind: ClassVar[str] = "instance_availability"
    association: AssociationFacts
    received_at: datetime
    notice_uid: str
    study_instance_uid: str
    references: References


Record: TypeAlias = (
    ReceiverStarted
    | ReceiverStopped
    | AssociationClosed
    | InstanceReceived
    | Quarantined
    | CommitmentRequested
    | CommitmentReported
    | ProcedureStepNoted
    | AvailabilityNoted
)
_KINDS: Mapping[str, type[Record]] = {cls.kind: cls for cls in get_args(Record)}


def encode(record: Record) -> bytes:
    """One JSON document: a single line without its end."""
    if isinstance(record, InstanceReceived):
        return _instance(record)
    return _compact({"kind": record.kind, **_fields(record)}).encode("ascii")


def decode(data: bytes) -> Record:
    """The record of a JSON document.

    Raises
    ------
    RecordDamaged
        It isn't a record; nothing of its text is repeated.
    """
    try:
        fields = json.loads(data)
    except ValueError as error:
        raise RecordDamaged() from error
    return of_fields(fields)


def of_fields(fields: dict[str, Any]) -> Record:
    """As `decode`, of a document that is read already; ``fields`` is used up."""
    try:
        cls = _KINDS[fields.pop("kind")]
        for key in ("at", "received_at"):
            if key in fields:
                fields[key] = _time(fields[key])
        if "association" in fields:
            inner = fields["association"]
            fields["association"] = AssociationFacts(**inner | {"opened_at": _time(inner["opened_at"])})
        if fields.get("references") is not None:
            fields["references"] = tuple((str(sop_class), str(instance)) for sop_class, instance in fields["references"])
        if "studies" in fields:
            fields["studies"] = tuple(fields["studies"])
        return cls(**fields)
    except (ValueError, TypeError, KeyError, AttributeError) as error:
        raise RecordDamaged() from error


def _instance(record: InstanceReceived) -> bytes:
    """The same document as for any kind, at a tenth of the cost: this one is written for every object that comes."""
    fields = {key: value for key, value in record.__dict__.items() if key not in ("association", "received_at")}
    rest = _compact(fields)[1:]
    head = f'{{"kind":"instance","received_at":"{record.received_at.isoformat()}","association":{record.association.as_json}'
    return f"{head},{rest}".encode("ascii")


def _plain(value: Any) -> Any:
    return value.isoformat() if isinstance(value, datetime) else _fields(value)


def _fields(record: Any) -> dict[str, Any]:
    """The fields of a record as they are: `asdict` would copy each value, which costs more than all the rest."""
    return {field.name: getattr(record, field.name) for field in fields_of(record)}


def _time(text: str) -> datetime:
    at = datetime.fromisoformat(text)
    if at.tzinfo is None:
        raise ValueError("a time without its zone")
    return at

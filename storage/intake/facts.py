"""What the indexer tells of: associations and arrivals, as the receivers' spools have them."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal, TypeAlias

Arrived = Literal["new", "duplicate", "version", "seen"]
AssociationEnd = Literal["released", "aborted", "lost"]


@dataclass(frozen=True)
class AssociationOpened:
    """An association was accepted; ``uid`` is the receiver's own name for it, ``boot`` the receiver's life it belongs to."""

    uid: str
    receiver: str
    boot: int
    calling_ae_title: str
    called_ae_title: str
    host: str
    at: datetime


@dataclass(frozen=True)
class AssociationEnded:
    """An association ended; of several ends the first that is told stands."""

    uid: str
    end: AssociationEnd
    at: datetime


@dataclass(frozen=True)
class ArrivedInstance:
    """What the indexer knows of one spooled Instance.

    ``sha256`` and ``size_bytes`` are of the data set's bytes as received; ``header`` is the DICOM JSON model without bulk data.
    """

    spool_record: str
    association_uid: str
    received_at: datetime
    study_instance_uid: str
    series_instance_uid: str
    sop_instance_uid: str
    sop_class_uid: str
    transfer_syntax_uid: str
    modality: str
    sha256: str
    size_bytes: int
    blob_key: str
    header: dict[str, Any]


Fact: TypeAlias = AssociationOpened | AssociationEnded | ArrivedInstance

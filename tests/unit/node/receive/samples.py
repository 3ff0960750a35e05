"""Records and spools for tests of what stands on them."""

from __future__ import annotations

import hashlib
from datetime import UTC, datetime
from pathlib import Path

from node.receive.dataset.identity import identify
from node.receive.dataset.part10 import file_head
from node.receive.spool.records import AssociationFacts, InstanceReceived
from node.receive.spool.spool import Spool, open_spool
from storage.base.clock import ManualClock
from tests.unit.node.receive.encoding import EXPLICIT, encoded, identified

AT = datetime(2026, 1, 1, 12, 30, 0, 250, tzinfo=UTC)


def facts(spool: Spool | None = None, uid: str = "a1") -> AssociationFacts:
    receiver, boot = (spool.receiver, spool.boot) if spool else ("receiver", 1)
    return AssociationFacts(uid, receiver, boot, "SCANNER", "WETREAD", "127.0.0.1", AT)


def received(data: bytes, syntax: str = EXPLICIT, association: AssociationFacts | None = None) -> tuple[bytes, InstanceReceived]:
    """The file head and the record of a data set."""
    names = identify(data, syntax)
    head = file_head(names.sop_class_uid, names.sop_instance_uid, syntax)
    record = InstanceReceived(
        association=association or facts(),
        received_at=AT,
        sop_class_uid=names.sop_class_uid,
        sop_instance_uid=names.sop_instance_uid,
        study_instance_uid=names.study_instance_uid,
        series_instance_uid=names.series_instance_uid,
        modality=names.modality,
        transfer_syntax_uid=syntax,
        sha256=hashlib.sha256(data).hexdigest(),
        size_bytes=len(data),
        data_offset=len(head),
    )
    return head, record


def spool_in(folder: Path, minimum_free_bytes: int = 0) -> Spool:
    return open_spool(folder, "receiver", ManualClock(), minimum_free_bytes)


def put(spool: Spool, sop: str = "1.2.3.4", study: str = "1.2.3", association: str = "a1", **attributes: object) -> str:
    """Spool a small instance; its name."""
    dataset = identified(sop, study)
    for keyword, value in attributes.items():
        setattr(dataset, keyword, value)
    data = encoded(dataset)
    head, record = received(data, association=facts(spool, association))
    return spool.put_instance([head, data], record)

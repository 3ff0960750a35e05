"""Records and spools for tests of what stands on them."""

from __future__ import annotations

import hashlib
from datetime import UTC, datetime
from pathlib import Path

from node.receive.dataset.identity import identify
from node.receive.dataset.part10 import file_head
from node.receive.spool import place
from node.receive.spool.lines import Line
from node.receive.spool.place import Place
from node.receive.spool.records import AssociationFacts, InstanceReceived
from node.receive.spool.segments import segments
from node.receive.spool.spool import Spool, SpoolFolders, open_spool
from storage.base.clock import ManualClock
from storage.base.errors import TransientError
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
    return keep(spool, data, facts(spool, association))


def keep(
    spool: Spool, data: bytes, association: AssociationFacts | None = None, *, sync: bool = True, syntax: str = EXPLICIT
) -> str:
    """Spool a data set, by default in explicit VR little endian; its name."""
    head, record = received(data, syntax, association or facts(spool))
    incoming = spool.begin(head)
    try:
        incoming.write(data)
    except TransientError:
        incoming.discard()
        raise
    return spool.put(incoming, record, sync=sync)


def waiting(folders: SpoolFolders) -> list[Line]:
    """The lines of the journal that no indexer has been at, in the order in which they were written."""
    places = place.load(folders)
    found = [(one, line) for one in segments(folders.journal) for line in one.lines()]
    return [line for one, line in found if not places.get(one.name, Place()).has(line)]


def waiting_names(folders: SpoolFolders) -> list[str]:
    return [line.name for line in waiting(folders)]


def damage(folders: SpoolFolders, name: str) -> None:
    """Change one character of the line of a record."""
    (path, line) = next((one.path, line) for one in segments(folders.journal) for line in one.lines() if line.name == name)
    with path.open("r+b") as file:
        file.seek(line.end - 10)
        file.write(b"~")


def forget_line(folders: SpoolFolders, name: str) -> None:
    """Take the last line of a journal back, as if it had never been written."""
    (path, line) = next((one.path, line) for one in segments(folders.journal) for line in one.lines() if line.name == name)
    with path.open("r+b") as file:
        file.seek(line.start)
        file.write(bytes(len(line.raw)))

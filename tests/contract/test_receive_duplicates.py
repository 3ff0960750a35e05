"""The same instance again, and another one under its name: from the wire to the rows, on both databases."""

from __future__ import annotations

from copy import deepcopy
from pathlib import Path

import pytest
from sqlalchemy import select

from node.receive.index.indexer import index_pending
from storage.blobs import open_blobs
from storage.database import Database
from storage.schema import Arrival, Event, Instance
from tests.support.dicom_builders import ct_series
from tests.support.receiver import running_receiver, send


@pytest.mark.parametrize("at_once", [True, False])
def test_identical_bytes_are_nothing_new_and_other_bytes_a_flagged_version(tmp_path: Path, db: Database, at_once: bool) -> None:
    """Whether they wait in the spool together or the first is long indexed."""
    (dataset,) = ct_series(1)
    other = deepcopy(dataset)
    other.PixelData = bytes(len(dataset.PixelData))
    blobs = open_blobs(tmp_path / "blobs")
    done = []
    with running_receiver(tmp_path / "spool") as receiver:
        for sent in (dataset, dataset, other, other):
            assert send(receiver.port, sent) == [0x0000]
            if not at_once:
                done.append(index_pending(receiver.spool, db, blobs))
    done.append(index_pending(receiver.spool, db, blobs))
    assert (sum(one.indexed for one in done), sum(one.duplicates for one in done)) == (4, 2)
    assert all(one.put_apart == one.stuck == 0 for one in done)
    with db.read() as s:
        instances = s.scalars(select(Instance).order_by(Instance.version)).all()
        arrivals = s.scalars(select(Arrival).order_by(Arrival.id)).all()
        flagged = [event.facts for event in s.scalars(select(Event).where(Event.kind == "instance.version"))]
    assert [(one.sop_instance_uid, one.version) for one in instances] == [
        (dataset.SOPInstanceUID, 1),
        (dataset.SOPInstanceUID, 2),
    ]
    assert [arrival.duplicate for arrival in arrivals] == [False, True, False, True]
    assert [arrival.instance_id for arrival in arrivals] == [instances[0].id] * 2 + [instances[1].id] * 2
    assert len(flagged) == 1 and len(set(blobs.list("instances/"))) == 2
    assert list(receiver.folders.objects.iterdir()) == []

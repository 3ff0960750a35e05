"""The router role in one process, by the real clock: it indexes what is spooled, completes, and stops when told."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from threading import Event, Thread

import pytest
from sqlalchemy import select

from node.route.apply import prepare_routing
from node.router import run_router
from node.settings import CompletionSettings, Peer, Settings, StoreSettings
from storage.base.clock import SystemClock
from storage.database import Database
from storage.intake import add_instance
from storage.schema import Job, Lease
from tests.support.databases import opened
from tests.support.packages import write_package
from tests.support.seeds import instance

pytestmark = pytest.mark.heavy

RULE = {"name": "mr", "when": 'Modality == "MR"', "model": "hippocampus-mr", "deliver_to": ["pacs"]}


def settings_of(folder: Path) -> Settings:
    write_package(folder / "models")
    (folder / "rules.yaml").write_text(json.dumps({"rules": [RULE]}))
    return Settings(
        store=StoreSettings(
            database=f"sqlite:///{folder / 'wetread.db'}", blobs=str(folder / "blobs"), spool=folder / "spool", minimum_free_mb=0
        ),
        rules=folder / "rules.yaml",
        models=(str(folder / "models"),),
        completion=CompletionSettings(default_quiet_s=1.0),
        peers=(Peer(name="pacs", ae_title="PACS", host="127.0.0.1", port=104),),
    )


def job_states(db: Database) -> list[str]:
    with db.read() as s:
        return list(s.scalars(select(Job.state)))


def test_a_study_is_routed_and_the_lease_given_back(tmp_path: Path) -> None:
    settings, clock, stop = settings_of(tmp_path), SystemClock(), Event()
    with opened(settings.store.database, clock) as db:
        db.migrate()
        prepare_routing(settings, db)
        with db.write() as s:
            add_instance(s, replace(instance(1), received_at=clock.utc()))
        thread = Thread(target=run_router, args=(settings, clock, stop))
        thread.start()
        try:
            give_up_s = clock.monotonic_s() + 60
            while not job_states(db) and clock.monotonic_s() < give_up_s:
                clock.sleep(0.05)
        finally:
            stop.set()
            thread.join(30)
        assert not thread.is_alive()
        assert job_states(db) == ["ready"]
        with db.read() as s:
            assert s.scalars(select(Lease)).all() == []

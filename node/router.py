"""The router role: joins what receives (the indexer) with what routes, which don't know each other."""

from __future__ import annotations

from datetime import datetime
from threading import Event

from node.receive.index.indexer import index_pending
from node.route.process import route_until
from node.settings import Settings
from storage.base.clock import Clock
from storage.blobs import open_blobs
from storage.database import Database


def run_router(settings: Settings, clock: Clock, stop: Event) -> None:
    """Index and route until ``stop`` is set."""
    blobs = open_blobs(settings.store.blobs)

    def index(db: Database) -> datetime:
        return index_pending(settings.store.spool, db, blobs).as_of

    route_until(settings, clock, stop, index)

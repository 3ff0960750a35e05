"""The deliverer role: joins what delivers with what is known of the receivers' journals; they don't know each other."""

from __future__ import annotations

from functools import partial
from threading import Event

from node.deliver.process import deliver_until
from node.receive.index.progress import mark
from node.settings import Settings
from storage.base.clock import Clock


def run_deliverer(settings: Settings, clock: Clock, stop: Event) -> None:
    """Deliver, and answer requests for storage commitment, until ``stop`` is set."""
    deliver_until(settings, clock, stop, partial(mark, settings.store.spool))

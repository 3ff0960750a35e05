"""Named leases: one holder at a time, by a row. Who holds ``ticks`` runs the periodic work of the whole node."""

from __future__ import annotations

from datetime import datetime, timedelta

from sqlalchemy import delete, or_, update
from sqlalchemy.orm import Session

from storage.database import lease_time, run_out
from storage.rows import insert_new
from storage.schema import Lease


def acquire(s: Session, name: str, holder: str, lease_s: float, at: datetime) -> bool:
    """Take or renew the lease for ``lease_s`` seconds; False while another holder's has not run out (see `run_out`)."""
    now = lease_time(s, at)
    until = now + timedelta(seconds=lease_s)
    if insert_new(s, Lease, name=name, holder=holder, until=until):
        return True
    taken = update(Lease).where(Lease.name == name, or_(Lease.holder == holder, run_out(Lease.until, now, lease_s)))
    return bool(s.scalars(taken.values(holder=holder, until=until).returning(Lease.name)).all())


def release(s: Session, name: str, holder: str) -> None:
    """Give the lease back; does nothing when somebody else holds it."""
    s.execute(delete(Lease).where(Lease.name == name, Lease.holder == holder))

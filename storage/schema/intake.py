"""Who sent what, when: sources, receivers' lives, associations, arrivals."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import ForeignKey, Index, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column

from storage.schema.base import Base, Id


class SourceAE(Base):
    """A calling AE title at a host, as seen on the wire."""

    __tablename__ = "source_ae"
    __table_args__ = (UniqueConstraint("ae_title", "host"),)

    id: Mapped[Id]
    ae_title: Mapped[str]
    host: Mapped[str]
    first_seen_at: Mapped[datetime]
    last_seen_at: Mapped[datetime]


class ReceiverLife(Base):
    """A start of a receiver: whatever its lives of a lower ``boot`` had open ended no later than this.

    ``stopped_at``: when it ended in order; None while it goes on, or if nobody knows how it ended.
    """

    __tablename__ = "receiver_life"
    __table_args__ = (UniqueConstraint("receiver", "boot"),)

    id: Mapped[Id]
    receiver: Mapped[str]
    boot: Mapped[int]
    started_at: Mapped[datetime]
    stopped_at: Mapped[datetime | None]


class Association(Base):
    """One association of one receiver's life (``boot``); its uid is the receiver's own name for it."""

    __tablename__ = "association"
    __table_args__ = (
        Index("ix_association_open", "receiver", postgresql_where=text("state = 'open'"), sqlite_where=text("state = 'open'")),
    )

    id: Mapped[Id]
    uid: Mapped[str] = mapped_column(unique=True)
    source_id: Mapped[int] = mapped_column(ForeignKey("source_ae.id"))
    receiver: Mapped[str]
    boot: Mapped[int]
    called_ae_title: Mapped[str]
    opened_at: Mapped[datetime]
    closed_at: Mapped[datetime | None]
    state: Mapped[str]


class Arrival(Base):
    """One C-STORE that was answered with success: one spool record."""

    __tablename__ = "arrival"

    id: Mapped[Id]
    instance_id: Mapped[int] = mapped_column(ForeignKey("instance.id"), index=True)
    association_id: Mapped[int | None] = mapped_column(ForeignKey("association.id"), index=True)
    spool_record: Mapped[str] = mapped_column(unique=True)
    received_at: Mapped[datetime]
    duplicate: Mapped[bool]

"""What was received: Study, Series, Instance, and the frozen revisions of a Study."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import BigInteger, ForeignKey, Index, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column

from storage.schema.base import Base, Id

UNSETTLED = text("settled_count < arrival_count")


class Study(Base):
    """A Study.

    ``settled_count`` is the ``arrival_count`` up to which every rule's quiet time has been evaluated; ``broken_off_at`` is when
    the last association that brought part of it was aborted or found lost, None if none was.
    """

    __tablename__ = "study"
    __table_args__ = (Index("ix_study_unsettled", "last_arrival_at", postgresql_where=UNSETTLED, sqlite_where=UNSETTLED),)

    id: Mapped[Id]
    study_instance_uid: Mapped[str] = mapped_column(unique=True)
    first_arrival_at: Mapped[datetime]
    last_arrival_at: Mapped[datetime]
    broken_off_at: Mapped[datetime | None]
    arrival_count: Mapped[int]
    settled_count: Mapped[int] = mapped_column(default=0)


class Series(Base):
    """A Series of one Study."""

    __tablename__ = "series"
    __table_args__ = (UniqueConstraint("study_id", "series_instance_uid"),)

    id: Mapped[Id]
    study_id: Mapped[int] = mapped_column(ForeignKey("study.id"))
    series_instance_uid: Mapped[str]
    modality: Mapped[str]


class Instance(Base):
    """One version of a SOP Instance: the same UID with other bytes is another row, ``version`` 1..n by first arrival."""

    __tablename__ = "instance"
    __table_args__ = (UniqueConstraint("sop_instance_uid", "sha256"), UniqueConstraint("sop_instance_uid", "version"))

    id: Mapped[Id]
    series_id: Mapped[int] = mapped_column(ForeignKey("series.id"), index=True)
    sop_instance_uid: Mapped[str]
    sop_class_uid: Mapped[str]
    transfer_syntax_uid: Mapped[str]
    sha256: Mapped[str]
    size_bytes: Mapped[int] = mapped_column(BigInteger)
    blob_key: Mapped[str]
    version: Mapped[int]
    first_arrival_at: Mapped[datetime]


class InstanceHeader(Base):
    """The data set of an Instance without bulk data, in the DICOM JSON model (PS3.18 F)."""

    __tablename__ = "instance_header"

    instance_id: Mapped[int] = mapped_column(ForeignKey("instance.id"), primary_key=True, autoincrement=False)
    dataset: Mapped[dict[str, Any]]


class Revision(Base):
    """A frozen content of a Study; ``digest`` covers (SOP Instance UID, SHA-256) of its Instances."""

    __tablename__ = "revision"
    __table_args__ = (UniqueConstraint("study_id", "number"), UniqueConstraint("study_id", "digest"))

    id: Mapped[Id]
    study_id: Mapped[int] = mapped_column(ForeignKey("study.id"))
    number: Mapped[int]
    digest: Mapped[str]
    created_at: Mapped[datetime]


class RevisionInstance(Base):
    """Which Instances a revision holds."""

    __tablename__ = "revision_instance"

    revision_id: Mapped[int] = mapped_column(ForeignKey("revision.id"), primary_key=True)
    instance_id: Mapped[int] = mapped_column(ForeignKey("instance.id"), primary_key=True)

"""The two ways in which rows are written: new ones unless their key exists, and a state moved by its table.

``move`` is the only place that updates a state column; a test reads the source to hold that.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from typing import Any, TypeVar

from sqlalchemy import ColumnElement, inspect, update
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm import Session

from storage.schema import Association, Base, Commitment, Delivery, Job, ModelPackage, ProcedureStep
from storage.states import TABLES, check_move

Stateful = Association | Commitment | Delivery | Job | ModelPackage | ProcedureStep
K = TypeVar("K")

_CHUNK = 400  # bound parameters a query; SQLite builds may take no more than 999


def chunks(keys: Collection[K]) -> Iterator[Sequence[K]]:
    """Keys for queries with ``in_``, as many at a time as every database takes."""
    listed = list(keys)
    return (listed[start : start + _CHUNK] for start in range(0, len(listed), _CHUNK))


def insert_all(s: Session, table: type[Base], rows: Sequence[dict[str, Any]]) -> None:
    """Insert each row unless one with the same key exists. Safe against others that do the same."""
    if rows:
        insert = sqlite.insert(table) if s.get_bind().dialect.name == "sqlite" else postgresql.insert(table)
        s.connection().execute(insert.on_conflict_do_nothing(), list(rows))


def insert_new(s: Session, table: type[Base], **values: Any) -> bool:
    """Insert a row unless one with the same key exists; tells whether it did. Safe against others that do the same."""
    insert = sqlite.insert(table) if s.get_bind().dialect.name == "sqlite" else postgresql.insert(table)
    key = inspect(table).primary_key[0]
    return s.execute(insert.values(**values).on_conflict_do_nothing().returning(key)).first() is not None


def move(s: Session, table: type[Stateful], a: str, b: str, *where: ColumnElement[bool], **values: Any) -> list[int]:
    """Move rows that are in state ``a`` and meet ``where`` to state ``b``; returns their ids, none when no row matched.

    Raises
    ------
    MoveRefused
        The state table doesn't list the move; nothing is written.
    """
    check_move(TABLES[table.__tablename__], a, b)
    statement = update(table).where(table.state == a, *where).values(state=b, **values).returning(table.id)
    return list(s.scalars(statement, execution_options={"synchronize_session": "fetch"}).all())

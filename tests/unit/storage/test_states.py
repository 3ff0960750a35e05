"""The state tables, and that nothing in the source goes round them."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

import storage
from storage.schema import Base
from storage.states import JOB, JOB_ENDS, TABLES, MoveRefused, StateTable, check_move

SOURCE = Path(storage.__file__).parent


@pytest.mark.parametrize("name", sorted(TABLES))
def test_every_state_is_named_and_can_be_reached(name: str) -> None:
    table = TABLES[name]
    first = next(iter(table))
    reached, before = {first}, set[str]()
    while reached != before:
        before = set(reached)
        reached |= {b for a in before for b in table[a]}
    assert reached == set(table)


def test_every_table_with_a_state_column_has_a_state_table() -> None:
    assert {t.name for t in Base.metadata.sorted_tables if "state" in t.columns} == set(TABLES)


@pytest.mark.parametrize("table", TABLES.values(), ids=sorted(TABLES))
def test_exactly_the_listed_moves_are_allowed(table: StateTable) -> None:
    for a in table:
        for b in table:
            if b in table[a]:
                check_move(table, a, b)
            else:
                with pytest.raises(MoveRefused):
                    check_move(table, a, b)
    with pytest.raises(MoveRefused):
        check_move(table, "nonsense", "open")


def test_a_job_that_has_ended_moves_only_by_a_person() -> None:
    assert {a for a in JOB if JOB[a] <= {"ready"}} == JOB_ENDS
    assert JOB["done"] == frozenset()


def _state_writes(path: Path) -> list[int]:
    """Lines that write a column called ``state``: ``.values(state=…)``, ``.values({"state": …})``, ``row.state = …``, setattr."""
    lines = []
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Assign | ast.AugAssign):
            targets = node.targets if isinstance(node, ast.Assign) else [node.target]
            lines += [t.lineno for t in targets if isinstance(t, ast.Attribute) and t.attr == "state"]
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute | ast.Name):
            called = node.func.attr if isinstance(node.func, ast.Attribute) else node.func.id
            keys = {k.arg for k in node.keywords} | {
                key.value for arg in node.args if isinstance(arg, ast.Dict) for key in arg.keys if isinstance(key, ast.Constant)
            }
            if (called in ("values", "update") and "state" in keys) or called == "setattr":
                lines.append(node.lineno)
    return lines


def test_only_one_place_updates_a_state_column() -> None:
    found = {p.relative_to(SOURCE).as_posix(): lines for p in SOURCE.rglob("*.py") if (lines := _state_writes(p))}
    assert list(found) == ["rows.py"]
    assert len(found["rows.py"]) == 1


def test_that_place_asks_the_table_first() -> None:
    (move,) = [n for n in ast.parse((SOURCE / "rows.py").read_text()).body if isinstance(n, ast.FunctionDef) and n.name == "move"]
    statements = [n for n in move.body if not (isinstance(n, ast.Expr) and isinstance(n.value, ast.Constant))]
    assert ast.unparse(statements[0]).startswith("check_move(")


def test_raw_sql_never_touches_a_row() -> None:
    for path in SOURCE.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Constant) and isinstance(node.value, str):
                assert not node.value.lstrip().upper().startswith(("UPDATE ", "DELETE FROM ")), path

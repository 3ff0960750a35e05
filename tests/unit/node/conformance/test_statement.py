"""The conformance statement: what it is made of, and that the kept one is this program's."""

from __future__ import annotations

from pathlib import Path

import pytest
from typer.testing import CliRunner

import node
from inference.report.checks import seg as check_seg
from inference.report.checks import sr as check_sr
from node.cli import app
from node.commands.conformance import MEND
from node.conformance.contexts import PREFERENCE, places, refused_syntaxes, storage_classes, transfer_syntaxes
from node.conformance.services import SENT
from node.conformance.statement import statement
from node.conformance.statuses import rejections
from node.receive.dataset.encodings import preferred
from node.receive.store.status import TABLE

KEPT = Path(node.__file__).parent / "CONFORMANCE.md"


def test_the_kept_statement_is_this_programs() -> None:
    if KEPT.read_text(encoding="utf-8") != statement():
        pytest.fail(f"node/CONFORMANCE.md isn't what the program says of itself any more; {MEND}")


def test_the_command_prints_writes_and_checks(tmp_path: Path) -> None:
    path = tmp_path / "statement.md"
    runner = CliRunner()
    assert runner.invoke(app, ["conformance"]).stdout == statement()
    assert runner.invoke(app, ["conformance", "--out", str(path)]).exit_code == 0
    assert path.read_text(encoding="utf-8") == statement()
    assert runner.invoke(app, ["conformance", "--check", str(path)]).exit_code == 0
    path.write_text(statement().replace("WETREAD", "OTHER"), encoding="utf-8")
    assert runner.invoke(app, ["conformance", "--check", str(path)]).exit_code == 1
    assert runner.invoke(app, ["conformance", "--check", str(tmp_path / "absent.md")]).exit_code == 1
    assert runner.invoke(app, ["conformance", "--out", str(tmp_path / "no" / "folder.md")]).exit_code == 1


def test_it_holds_every_class_syntax_status_and_rejection() -> None:
    text = statement()
    assert len(storage_classes()) > 150
    for uid in (*storage_classes(), *transfer_syntaxes()):
        assert f"| {uid} |" in text
    for row in TABLE.values():
        assert f"| {row.status:04X} |" in text and row.comment in text
    for reject in rejections():
        assert reject.reason.replace("-", " ") in text


def test_a_syntax_is_either_taken_or_named_as_refused() -> None:
    assert not set(transfer_syntaxes()) & set(refused_syntaxes())
    assert "1.2.840.10008.1.2.1" in transfer_syntaxes()


def test_places_say_what_is_preferred() -> None:
    found = places()
    assert len(set(found.values())) == len(PREFERENCE)
    for uid, place in found.items():
        for other, other_place in found.items():
            better = uid if place <= other_place else other
            assert preferred([uid, other])[0] == better


def test_what_is_sent_is_what_the_reports_are() -> None:
    assert set(SENT) == {vars(check_seg)["SegmentationStorage"], vars(check_sr)["Comprehensive3DSRStorage"]}


def test_lines_of_prose_stay_readable() -> None:
    assert [line for line in statement().splitlines() if len(line) > 120 and not line.startswith("|")] == []

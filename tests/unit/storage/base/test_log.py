"""Logs: JSON lines on standard error, without patient data whatever is handed in."""

from __future__ import annotations

import errno
import io
import json
import logging
import sys
import warnings
from collections.abc import Iterator
from typing import Any

import pytest
import structlog

from storage.base.errors import InputError
from storage.base.log import configure_logging, get_logger

CANARY = "CANARY^DOE"


@pytest.fixture(autouse=True)
def as_it_was() -> Iterator[None]:
    root = logging.getLogger()
    before = (root.handlers[:], root.level, warnings.showwarning)
    yield
    root.handlers[:], level, warnings.showwarning = before
    root.setLevel(level)
    structlog.reset_defaults()
    get_logger()  # loggers that modules made at import write to standard error again, not to structlog's standard output
    structlog.contextvars.clear_contextvars()


def _lines(capsys: pytest.CaptureFixture[str]) -> list[dict[str, Any]]:
    out, err = capsys.readouterr()
    assert out == ""
    assert CANARY not in err
    return [json.loads(line) for line in err.splitlines()]


def test_an_event_is_one_line_with_its_facts(capsys: pytest.CaptureFixture[str]) -> None:
    configure_logging("INFO", role="receiver")
    get_logger("storage.x").info("instance.stored", sop_instance_uid="1.2.3", size_bytes=7)
    get_logger().debug("too.fine")
    (line,) = _lines(capsys)
    at = line.pop("at")
    assert at.endswith("Z")
    assert line == {
        "level": "info",
        "event": "instance.stored",
        "module": "storage.x",
        "sop_instance_uid": "1.2.3",
        "size_bytes": 7,
        "role": "receiver",
    }


def test_a_logger_made_before_the_configuration_obeys_it(capsys: pytest.CaptureFixture[str]) -> None:
    early = get_logger("early")
    configure_logging("ERROR")
    early.info("not.shown")
    early.error("shown")
    assert [line["event"] for line in _lines(capsys)] == ["shown"]


@pytest.mark.parametrize(
    "key",
    ["PatientName", "patient_id", "PatientBirthDate", "accession_number", "StudyDescription", "ReferringPhysicianName",
     "OperatorsName", "other_patient_ids", "StudyID", "ImageComments", "InstitutionName"],
)  # fmt: skip
def test_keys_of_patient_data_are_dropped_at_any_depth(key: str, capsys: pytest.CaptureFixture[str]) -> None:
    configure_logging()
    get_logger().info("test.event", **{key: CANARY}, nested=[{"deep": {key: CANARY, "kept": 1}}])
    (line,) = _lines(capsys)
    assert line["nested"] == [{"deep": {"kept": 1}}]


def test_values_that_are_not_plain_are_named_by_type(capsys: pytest.CaptureFixture[str]) -> None:
    class DataSet:
        def __repr__(self) -> str:
            return CANARY

    configure_logging()
    get_logger().info("test.event", dataset=DataSet(), error=ValueError(CANARY))
    (line,) = _lines(capsys)
    assert (line["dataset"], line["error"]) == ("<DataSet>", "<ValueError>")


def test_an_exception_tells_where_but_not_what(capsys: pytest.CaptureFixture[str]) -> None:
    configure_logging()
    try:
        raise ValueError(CANARY)
    except ValueError:
        get_logger().exception("loop.failed")
    (line,) = _lines(capsys)
    assert line["error"] == "ValueError"
    assert "test_an_exception_tells_where_but_not_what" in line["error_places"][-1]


def test_our_own_errors_tell_what_too(capsys: pytest.CaptureFixture[str]) -> None:
    configure_logging()
    get_logger().error("task.failed", exc_info=InputError("a slice is missing", code="slice-gap"))
    (line,) = _lines(capsys)
    assert (line["error_code"], line["error_message"]) == ("slice-gap", "a slice is missing")


def test_libraries_are_heard_without_what_they_quote(capsys: pytest.CaptureFixture[str]) -> None:
    configure_logging()
    logging.getLogger("pydicom").warning(f"Invalid value: {CANARY}")  # noqa: G004
    logging.getLogger("some.library").warning("who is %s", CANARY)
    logging.getLogger("some.library").info("not shown")
    with warnings.catch_warnings():
        warnings.simplefilter("always")
        warnings.showwarning(UserWarning(CANARY), UserWarning, "/x/pydicom/valuerep.py", 9)
    dicom, library, warning = _lines(capsys)
    assert (dicom["event"], dicom["module"], dicom["template"]) == ("library.message", "pydicom", "")
    assert library["template"] == "who is %s"
    assert (warning["category"], warning["place"]) == ("UserWarning", "valuerep.py:9")


class _FullDisk(io.StringIO):
    def write(self, text: str) -> int:
        raise OSError(errno.ENOSPC, "no space")


def test_a_line_that_can_t_be_written_stops_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    configure_logging("INFO")
    monkeypatch.setattr(sys, "stderr", _FullDisk())
    get_logger("a").warning("instance.refused")
    logging.getLogger("library").error("something")

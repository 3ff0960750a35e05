"""Logs: one JSON document a line on standard error. The event is a constant (``instance.stored``), facts are keywords.

No patient data gets out this way: keys that name such data are dropped at any depth, values that aren't plain (a data set, an
exception) are replaced by their type, and of a traceback only types and places are kept, since messages of libraries quote
values. Messages of libraries' own loggers are reduced to their unfilled template for the same reason; DICOM libraries fill
theirs early and lose the text altogether.
"""

from __future__ import annotations

import json
import logging
import sys
import threading
import traceback
import warnings
from collections.abc import MutableMapping
from contextlib import suppress
from datetime import datetime
from functools import lru_cache
from pathlib import PurePath
from types import TracebackType
from typing import Any, TextIO, TypeAlias, cast

import structlog
from structlog.typing import FilteringBoundLogger

from storage.base.errors import WetreadError

Entry: TypeAlias = MutableMapping[str, Any]
_ExcInfo: TypeAlias = tuple[type[BaseException] | None, BaseException | None, TracebackType | None]

_PERSONAL = (
    "patient", "person", "accession", "birth", "physician", "operator", "referring", "requesting", "description", "comment",
    "address", "telephone", "institution", "admission", "issuer", "mrn", "studyid",
)  # fmt: skip
_EARLY_FILLED = ("pydicom", "pynetdicom", "highdicom")
_MAX_DEPTH = 6


def configure_logging(level: str = "INFO", **bound: str) -> None:
    """Send everything at ``level`` and above to standard error as JSON; ``bound`` facts (role, say) join every line."""
    number = logging.getLevelNamesMapping()[level.upper()]
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True, key="at"),
            _reduce_exception,
            _drop_personal,
            _render,
        ],
        wrapper_class=structlog.make_filtering_bound_logger(number),
        logger_factory=lambda *_: _StandardError(),
        cache_logger_on_first_use=False,
    )
    structlog.contextvars.bind_contextvars(**bound)
    root = logging.getLogger()
    root.handlers[:] = [_LibraryHandler()]
    root.setLevel(max(number, logging.WARNING))
    warnings.showwarning = _show_warning
    # What ends a process or thread may quote a header too: it is told like any logged exception.
    sys.excepthook = lambda kind, error, trace: _tell_end("process.failed", error)
    threading.excepthook = lambda end: _tell_end("thread.failed", end.exc_value)


def _tell_end(event: str, error: BaseException | None) -> None:
    get_logger().critical(event, exc_info=error)


def get_logger(name: str | None = None) -> FilteringBoundLogger:
    """A logger; ``name`` joins its lines as ``module``. Until ``configure_logging`` it writes at INFO to standard error."""
    if not structlog.is_configured():
        _configure_quietly()
    # Unbound until its first line, so that a module's logger obeys a configuration that comes after its import.
    return cast(FilteringBoundLogger, structlog.get_logger(module=name) if name else structlog.get_logger())


def _configure_quietly() -> None:
    structlog.configure(
        processors=[structlog.processors.add_log_level, _reduce_exception, _drop_personal, _render],
        wrapper_class=structlog.make_filtering_bound_logger(logging.INFO),
        logger_factory=lambda *_: _StandardError(),
        cache_logger_on_first_use=False,
    )


class _StandardError:
    """Writes to whatever ``sys.stderr`` is at that moment, a line at a time. Where that fails (a full disk, nobody at the other
    end), the line is lost: no work stops for its log.
    """

    def msg(self, message: str) -> None:
        with suppress(OSError, ValueError):
            sys.stderr.write(message + "\n")
            sys.stderr.flush()

    debug = info = warning = warn = error = critical = exception = fatal = log = msg


class _LibraryHandler(logging.Handler):
    """What libraries log, without what they filled in."""

    def emit(self, record: logging.LogRecord) -> None:
        template = "" if record.name.startswith(_EARLY_FILLED) else str(record.msg)
        place = f"{PurePath(record.pathname).name}:{record.lineno}"
        log = get_logger().bind(module=record.name, template=template, place=place, exc_info=record.exc_info)
        log.log(record.levelno, "library.message")


def _show_warning(
    message: Warning | str,
    category: type[Warning],
    filename: str,
    lineno: int,
    file: TextIO | None = None,
    line: str | None = None,
) -> None:
    place = f"{PurePath(filename).name}:{lineno}"
    get_logger().warning("library.warning", category=category.__name__, place=place)


def _reduce_exception(_logger: object, method: str, entry: Entry) -> Entry:
    given = entry.pop("exc_info", None)
    if given is None and method == "exception":
        given = True
    info = _exc_info(given)
    if info is not None and info[1] is not None:
        error = info[1]
        entry["error"] = type(error).__name__
        entry["error_places"] = _places(info[2])
        if isinstance(error, WetreadError):
            entry["error_code"] = error.reason_code
            entry["error_message"] = error.message
    return entry


def _exc_info(given: object) -> _ExcInfo | None:
    if isinstance(given, BaseException):
        return (type(given), given, given.__traceback__)
    if isinstance(given, tuple):
        return cast(_ExcInfo, given)
    return sys.exc_info() if given else None


def _places(trace: TracebackType | None) -> list[str]:
    frames = traceback.extract_tb(trace)
    return [f"{PurePath(frame.filename).name}:{frame.lineno} {frame.name}" for frame in frames[-20:]]


def _drop_personal(_logger: object, _method: str, entry: Entry) -> Entry:
    return cast(Entry, _plain(dict(entry)))


def _plain(value: object, depth: int = 0) -> object:
    if value is None or isinstance(value, str | int | float | bool):
        return value
    if isinstance(value, datetime):
        return value.isoformat()
    if isinstance(value, PurePath):
        return str(value)
    if depth < _MAX_DEPTH and isinstance(value, dict):
        return {str(k): _plain(v, depth + 1) for k, v in value.items() if not _is_personal(str(k))}
    if depth < _MAX_DEPTH and isinstance(value, list | tuple | set | frozenset):
        return [_plain(v, depth + 1) for v in value]
    return f"<{type(value).__name__}>"


@lru_cache(maxsize=1024)  # keys are names in the code: few, and looked at for every line
def _is_personal(key: str) -> bool:
    folded = "".join(c for c in key.lower() if c.isalnum())
    return any(part in folded for part in _PERSONAL)


def _render(_logger: object, _method: str, entry: Entry) -> str:
    ordered = {key: entry.pop(key) for key in ("at", "level", "event") if key in entry}
    return json.dumps(ordered | dict(entry), ensure_ascii=False)

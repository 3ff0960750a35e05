"""The commands within this process: an interpreter takes seconds to start. What they set up for a whole process is put back."""

from __future__ import annotations

import io
import logging
import subprocess
import sys
import threading
import warnings
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stderr, redirect_stdout
from pathlib import Path

import structlog
import torch
from typer.testing import CliRunner

from inference.__main__ import main
from node.cli import app

# The root's name, and those that `python -m inference` silences.
LOGGERS = ("", "pydicom", "highdicom", "torch", "monai")


def wetread_here(*arguments: str | Path) -> subprocess.CompletedProcess[str]:
    """The command line ``wetread``; an error that it doesn't foresee is raised."""
    with _put_back():
        done = CliRunner().invoke(app, [*map(str, arguments)])
    if done.exception is not None and not isinstance(done.exception, SystemExit):
        raise done.exception
    return subprocess.CompletedProcess(["wetread", *map(str, arguments)], done.exit_code, done.stdout, done.stderr)


def inference_here(*arguments: str | Path) -> subprocess.CompletedProcess[str]:
    """`python -m inference`."""
    out, err = io.StringIO(), io.StringIO()
    with _put_back(), redirect_stdout(out), redirect_stderr(err):
        try:
            status = main([*map(str, arguments)])
        except SystemExit as ended:
            status = int(ended.code or 0)
    return subprocess.CompletedProcess(["inference", *map(str, arguments)], status, out.getvalue(), err.getvalue())


@contextmanager
def _put_back() -> Iterator[None]:
    """Logging, warnings and hooks as they were: else pytest no longer learns of a thread that failed, or of a warning."""
    loggers = [logging.getLogger(name) for name in LOGGERS]
    logged = [(logger.handlers[:], logger.level, logger.propagate) for logger in loggers]
    hooks, threads = (sys.excepthook, threading.excepthook), torch.get_num_threads()
    configured, bound = structlog.get_config() if structlog.is_configured() else None, structlog.contextvars.get_contextvars()
    try:
        with warnings.catch_warnings():
            yield
    finally:
        for logger, (handlers, level, propagate) in zip(loggers, logged, strict=True):
            logger.handlers[:], logger.propagate = handlers, propagate
            logger.setLevel(level)
        sys.excepthook, threading.excepthook = hooks
        torch.set_num_threads(threads)
        structlog.configure(**configured) if configured else structlog.reset_defaults()
        structlog.contextvars.clear_contextvars()
        structlog.contextvars.bind_contextvars(**bound)

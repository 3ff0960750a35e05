"""An exception of a task as the outcome's words: whose fault it is, a stable code, and a reason without patient data.

The taxonomy of ``storage.base.errors`` carries texts fit for a person. Every other exception is our bug or the machine's
trouble and its text may quote a data set, so only its type and the place in our code are told.
"""

from __future__ import annotations

import errno
import traceback
from dataclasses import dataclass
from typing import Literal

from inference.engine.progress import Cancelled
from storage.base.errors import InputError, ModelError, WetreadError

Status = Literal["refused", "model_error", "infra_error", "cancelled"]

_OURS = ("inference", "storage")


@dataclass(frozen=True)
class Failure:
    """The fields that an Outcome takes over."""

    status: Status
    reason_code: str
    reason: str
    broken_package: bool = False


def describe(error: BaseException, *, loading: bool = False) -> Failure:
    """What ``error`` means. A ModelError from ``loading`` is the package's fault; from a task, it may be the study's as well."""
    if isinstance(error, Cancelled):
        return Failure("cancelled", "cancelled", "")
    if isinstance(error, InputError):
        return Failure("refused", error.reason_code, error.message)
    if isinstance(error, ModelError):
        return Failure("model_error", error.reason_code, error.message, broken_package=loading)
    if isinstance(error, WetreadError):
        return Failure("infra_error", error.reason_code, error.message)
    if isinstance(error, MemoryError) or type(error).__name__ == "OutOfMemoryError":
        return Failure("infra_error", "out-of-memory", f"the worker ran out of memory at {place(error)}")
    if isinstance(error, OSError):
        name = errno.errorcode.get(error.errno or 0, type(error).__name__)
        return Failure("infra_error", "io", f"{name} at {place(error)}")
    return Failure("infra_error", "internal", f"{type(error).__name__} at {place(error)}")


def place(error: BaseException) -> str:
    """``module:line`` of the innermost frame that is ours, else of the innermost frame."""
    frames = [(frame.f_globals.get("__name__", "?"), line) for frame, line in traceback.walk_tb(error.__traceback__)]
    ours = [(module, line) for module, line in frames if module.split(".")[0] in _OURS]
    module, line = (ours or frames or [("?", 0)])[-1]
    return f"{module}:{line}"

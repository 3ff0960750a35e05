"""Whose fault an exception is, and that its text never gets out unless it is ours."""

from __future__ import annotations

import errno

import pytest

from inference.engine.failures import Failure, describe
from inference.engine.progress import Cancelled
from storage.base.errors import InputError, ModelError, TransientError
from storage.blobs import BlobMissing

CANARY = "DOE^JANE 1970-01-01"


class OutOfMemoryError(RuntimeError):
    """Named as torch names its own, which is found by name so that nobody needs torch to tell."""


@pytest.mark.parametrize(
    ("error", "failure"),
    [
        (Cancelled(), Failure("cancelled", "cancelled", "")),
        (InputError("a slice is missing", code="slice-gap"), Failure("refused", "slice-gap", "a slice is missing")),
        (ModelError("label 9", code="output-labels"), Failure("model_error", "output-labels", "label 9")),
        (TransientError("no answer", code="blobs"), Failure("infra_error", "blobs", "no answer")),
        (BlobMissing(), Failure("infra_error", "blob-missing", "There is no blob under this key.")),
    ],
)
def test_our_own_errors_keep_their_words(error: Exception, failure: Failure) -> None:
    assert describe(error) == failure


def test_any_model_error_while_loading_is_the_packages_fault() -> None:
    assert describe(ModelError("odd", code="network-output"), loading=True).broken_package
    assert not describe(ModelError("odd", code="network-output")).broken_package


@pytest.mark.parametrize(
    ("error", "code", "says"),
    [
        (MemoryError(CANARY), "out-of-memory", "out of memory"),
        (OutOfMemoryError(CANARY), "out-of-memory", "out of memory"),
        (OSError(errno.ENOSPC, CANARY, CANARY), "io", "ENOSPC"),
        (ValueError(CANARY), "internal", "ValueError"),
        (KeyError(CANARY), "internal", "KeyError"),
    ],
)
def test_other_exceptions_are_infrastructure_and_their_text_stays_here(error: Exception, code: str, says: str) -> None:
    failure = describe(_raised(error))
    assert (failure.status, failure.reason_code, failure.broken_package) == ("infra_error", code, False)
    assert says in failure.reason
    assert not any(part in failure.reason for part in CANARY.split())


def test_the_place_is_ours_even_when_a_library_raised() -> None:
    from inference.protocol import to_host

    try:
        to_host.validate_json(CANARY)
    except ValueError as error:
        # No frame of the stack is in our packages: the innermost one is named, its text is not.
        assert describe(error).reason.startswith("ValidationError at pydantic")
    try:
        from inference.protocol import LineCutter

        LineCutter(1).feed(b"too long")
    except ValueError as error:
        assert describe(error).reason.startswith("ValueError at inference.protocol:")


def _raised(error: Exception) -> Exception:
    try:
        raise error
    except Exception as raised:  # noqa: BLE001 - the test needs its traceback
        return raised

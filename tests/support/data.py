"""Real DICOM and labelled data for tests: never part of the project, found by WETREAD_TEST_DATA.

Without the variable the folder ``shared/data`` beside the checkout is taken where there is one.
"""

from __future__ import annotations

import os
from pathlib import Path

from tests.support.requirements import missing

REPOSITORY = Path(__file__).parents[2]
BESIDE = REPOSITORY.parent / "shared" / "data"


def find_data() -> Path | None:
    """The folder of test data, or None."""
    folder = Path(os.environ.get("WETREAD_TEST_DATA") or BESIDE)
    return folder if folder.is_dir() else None


def data_dir() -> Path:
    """The folder of test data; the running test skips (or fails where ``data`` is required) without it."""
    folder = find_data()
    if folder is None:
        missing("data", "no test data: WETREAD_TEST_DATA names no folder")
    return folder


def data_path(relative: str) -> Path:
    """A file or folder of the test data; skips or fails as `data_dir` does when it isn't there."""
    path = data_dir() / relative
    if not path.exists():
        missing("data", f"the test data hold no {relative}")
    return path

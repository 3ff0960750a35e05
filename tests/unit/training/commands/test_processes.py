"""``python -m training`` as a process: what it prints and answers. One start, as each takes seconds."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.heavy


def test_failure_is_one_line_and_status_1(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "training", "train", str(tmp_path / "none.yaml")]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 1 and done.stdout == ""
    assert done.stderr.startswith("error: ") and done.stderr.count("\n") == 1 and "none.yaml" in done.stderr

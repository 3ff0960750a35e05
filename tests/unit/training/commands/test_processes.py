"""``python -m training`` as a process: what it prints, writes and answers."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.heavy


def _run(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([sys.executable, "-m", "training", *arguments], capture_output=True, text=True, check=False)


def test_failure_is_one_line_and_status_1(tmp_path: Path) -> None:
    done = _run("train", str(tmp_path / "none.yaml"))
    assert done.returncode == 1 and done.stdout == ""
    assert done.stderr.startswith("error: ") and done.stderr.count("\n") == 1 and "none.yaml" in done.stderr


def test_wrong_use_is_status_2() -> None:
    assert _run("phantom").returncode == 2
    assert _run("fit").returncode == 2


def test_phantom_study_of_the_asked_size(tmp_path: Path) -> None:
    done = _run(
        "phantom", "--dicom", str(tmp_path / "ct"), "--seed", "3", "--size", "4", "16", "16", "--spacing", "60", "25", "25"
    )
    assert done.returncode == 0, done.stderr
    assert len(list((tmp_path / "ct").iterdir())) == 4
    (tmp_path / "file").write_text("")
    assert _run("phantom", "--nifti", str(tmp_path / "file" / "x"), "--size", "4", "8", "8").returncode == 1

"""`wetread demo` with each archive that it can find, and with none."""

from __future__ import annotations

import json
import shutil
import subprocess
from collections.abc import Sequence
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from pydicom import dcmread
from pynetdicom import _config

from node.demo import pacs, study
from node.demo.run import DemoRun
from tests.support import peers, validators
from tests.support.in_process import wetread_here
from tests.support.studies import hippocampus_copy
from tests.support.wetread_node import wetread

NAMES = {"phantom-organs-ct-seg.dcm", "phantom-organs-ct-sr.dcm", "phantom-organs-ct-overlay.png", "phantom-organs-ct-sr.txt"}


def _run(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, *programs: str) -> dict[str, str]:
    """Run the demo on a small study where only ``programs`` are installed; returns SOP Instance UIDs by file name."""
    folder, out = tmp_path / "study", tmp_path / "out"
    if not folder.exists():
        hippocampus_copy(folder, 1)
    monkeypatch.setattr(pacs, "find_program", lambda name: shutil.which(name) if name in programs else None)
    assert DemoRun(folder, out, None).run()
    assert {path.name for path in out.iterdir()} >= {"hippocampus-mr-overlay.png", "hippocampus-mr-sr.txt", "demo.json"}
    return {path.name: str(dcmread(path).SOPInstanceUID) for path in out.glob("*.dcm")}


def _smaller(command: Sequence[str], **how: Any) -> subprocess.CompletedProcess[str]:
    """The demo's own command for a phantom, with voxels of 6 mm: the same body in a twentieth of the pixels."""
    size = ("--size", "48", "64", "64", "--spacing", "6", "6", "6")
    return subprocess.run([*command, *size], check=False, **how)


def _is_whole(out: Path) -> None:
    assert {path.name for path in out.iterdir()} == NAMES | {"demo.json"}
    assert validators.dciodvfy(out / "phantom-organs-ct-seg.dcm") == []
    assert validators.dciodvfy(out / "phantom-organs-ct-sr.dcm") == []
    assert "not for clinical use" in (out / "phantom-organs-ct-sr.txt").read_text()
    found = json.loads((out / "demo.json").read_text())["study"]["jobs"][0]["measurements"]
    assert all(m["present"] for m in found) and len(found) == 9


def test_the_phantom_demo_leaves_valid_objects_from_orthanc(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    peers.tool("Orthanc", "orthanc")
    monkeypatch.setattr(study, "subprocess", SimpleNamespace(run=lambda command, check, **how: _smaller(command, **how)))
    monkeypatch.setattr(_config, "PASS_CONTEXTVARS", False)  # a receiver within this process, of a test before, leaves it on
    done = wetread_here("demo", "--out", tmp_path / "out")
    assert done.returncode == 0, done.stderr
    assert "fetched back from Orthanc" in done.stdout
    _is_whole(tmp_path / "out")


@pytest.mark.slow
def test_the_phantom_demo_of_full_size_does_as_well(tmp_path: Path) -> None:
    peers.tool("Orthanc", "orthanc")
    done = wetread("demo", "--out", tmp_path / "out", timeout_s=280)
    assert done.returncode == 0, done.stderr
    assert "fetched back from Orthanc" in done.stdout
    _is_whole(tmp_path / "out")


@pytest.mark.slow
def test_dcmqrscp_takes_part_where_orthanc_is_missing_and_a_second_run_gives_the_same(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    peers.tool("dcmqrscp")
    first = _run(monkeypatch, tmp_path, "dcmqrscp")
    assert set(first) == {"hippocampus-mr-seg.dcm", "hippocampus-mr-sr.dcm"}
    assert _run(monkeypatch, tmp_path, "dcmqrscp") == first


@pytest.mark.slow
def test_without_an_archive_the_demo_says_what_is_missing(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    assert len(_run(monkeypatch, tmp_path)) == 2
    said = capfd.readouterr()
    assert "install the Debian package orthanc or dcmtk" in said.err
    assert "received by no PACS" in said.out

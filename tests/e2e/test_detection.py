"""A detector in a whole node: ultrasound images by C-STORE, boxes and masks as SR and SEG at Orthanc, or an SR of absence."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import highdicom
import numpy as np
import pytest
from numpy.typing import NDArray
from pydicom import dcmread

from tests.support import peers, validators
from tests.support.dicom_builders import us_image, write
from tests.support.disc_finder import BRIGHT, DARK, NOISE, write_disc_finder
from tests.support.in_process import inference_here, wetread_here
from tests.support.line import Line
from tests.support.wetread_node import delivered, running_node

pytestmark = pytest.mark.heavy

ROWS, COLUMNS = 96, 72
DISCS = [(30.0, 22.0, 8.0), (66.0, 48.0, 7.0)]
"""Middle (row, column) and radius in voxels of the network, two source rows and one and a half source columns each."""


@pytest.fixture(scope="module")
def package(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_disc_finder(tmp_path_factory.mktemp("package") / "disc-finder")


@pytest.fixture(scope="module")
def line(tmp_path_factory: pytest.TempPathFactory, package: Path) -> Iterator[Line]:
    folder = tmp_path_factory.mktemp("line")
    with peers.orthanc(folder / "orthanc") as pacs, running_node(folder / "node", pacs, rules=()) as node:
        made = Line(node, pacs)
        made.use(package, {"name": "discs", "when": 'Modality == "US"', "model": "disc-finder"})
        yield made


def _drawn(discs: Sequence[tuple[float, float, float]]) -> tuple[NDArray[np.uint8], list[NDArray[np.bool_]]]:
    """An image, and the mask of each of its discs."""
    rows, columns = np.mgrid[:ROWS, :COLUMNS] + 0.5
    masks = [((rows - j) / (2 * radius)) ** 2 + ((columns - i) / (1.5 * radius)) ** 2 <= 1 for j, i, radius in discs]
    noise = NOISE * np.random.default_rng(3).normal(size=(ROWS, COLUMNS))
    shown = np.where(np.any([np.zeros((ROWS, COLUMNS), bool), *masks], axis=0), BRIGHT, DARK) + noise
    return (255 * shown).clip(0, 255).astype(np.uint8), masks


def _study(folder: Path, discs: Sequence[tuple[float, float, float]]) -> tuple[Path, str, list[NDArray[np.bool_]]]:
    pixels, masks = _drawn(discs)
    dataset = us_image(pixels, StudyDescription=f"{len(discs)} discs")
    dataset.StudyInstanceUID = f"2.25.{7700 + len(discs)}"
    write([dataset], folder)
    return folder, str(dataset.StudyInstanceUID), masks


def _corners(mask: NDArray[np.bool_]) -> NDArray[np.float64]:
    """(i0, j0, i1, j1) of a mask, half-open."""
    points = np.argwhere(mask)[:, ::-1]
    return np.concatenate([points.min(axis=0), points.max(axis=0) + 1]).astype(np.float64)


def test_discs_are_boxes_and_masks_at_the_pacs(line: Line, package: Path, tmp_path: Path) -> None:
    study, uid, masks = _study(tmp_path / "us", DISCS)
    line.send(study)
    story = line.node.wait(uid, delivered)
    found = line.at_pacs(uid, tmp_path / "pacs")
    assert found.keys() == {"SEG", "SR"} and validators.dsrdump(found["SR"]).count("Present") == 4
    groups = highdicom.sr.srread(found["SR"]).content.get_planar_roi_measurement_groups()  # type: ignore[attr-defined]
    outlines = [group.roi.value for group in groups if group.roi is not None]
    stored = [np.concatenate([points.min(axis=0), points.max(axis=0)]) for points in outlines]
    seg = dcmread(found["SEG"])
    frames = np.atleast_3d(seg.pixel_array) > 0
    assert len(stored) == len(frames) == len(seg.SegmentSequence) == 2
    for mask in masks:
        near = int(np.argmin([np.abs(box - _corners(mask)).max() for box in stored]))
        assert np.abs(stored[near] - _corners(mask)).max() < 6, stored
        overlap = 2 * np.count_nonzero(frames[near] & mask) / (np.count_nonzero(frames[near]) + np.count_nonzero(mask))
        assert overlap > 0.8
    _told(line, uid, story, "2 found")
    assert _offline(package, study, tmp_path / "offline") == _boxes(story["jobs"][0]["measurements"])


def test_an_image_without_a_disc_is_reported_as_such(line: Line, tmp_path: Path) -> None:
    study, uid, _ = _study(tmp_path / "us", [])
    line.send(study)
    story = line.node.wait(uid, delivered)
    found = line.at_pacs(uid, tmp_path / "pacs")
    assert found.keys() == {"SR"}
    assert "Absent" in validators.dsrdump(found["SR"])
    _told(line, uid, story, "Mass: absent")


def test_the_package_tells_what_it_is(package: Path) -> None:
    done = inference_here("check", package, "--json")
    assert done.returncode == 0, done.stderr
    told = json.loads(done.stdout)
    assert (told["task"], told["network"], told["labels"]) == ("detection", "mask-rcnn", ["1 Mass from 0.5"])


def _told(line: Line, uid: str, story: dict[str, Any], result: str) -> None:
    assert [job["model"] for job in story["jobs"]] == ["disc-finder"]
    shown = wetread_here("show", uid, "--config", line.node.config).stdout
    assert result in shown, shown


def _boxes(measurements: Sequence[dict[str, Any]]) -> list[list[float]]:
    return [finding["box"] for record in measurements for finding in record["findings"]]


def _offline(package: Path, study: Path, out: Path) -> list[list[float]]:
    """What `wetread infer` starts says of the same file, without a node."""
    done = inference_here("run", package, study, "--out", out, "--json")
    assert done.returncode == 0, done.stderr
    return _boxes(json.loads(done.stdout)["measurements"])

"""Breast ultrasound from recipe to PACS: a Mask R-CNN is fitted by command, its boxes and masks come to Orthanc as SR and SEG."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import highdicom
import numpy as np
import pytest
from numpy.typing import NDArray
from pydicom import dcmread

from inference.engine.package import load_package
from tests.support import peers, small_training, validators
from tests.support.dicom_builders import write
from tests.support.in_process import inference_here, wetread_here
from tests.support.line import Line
from tests.support.wetread_node import delivered, running_node, wetread
from tests.support.wrapped_images import us_region
from training.data import Case, read_parts
from training.recipe import read_recipe

pytestmark = [pytest.mark.slow, pytest.mark.timeout(1200)]
NAME, SENT = "breast-detection-us", 8


@pytest.fixture(scope="module")
def line(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Line]:
    folder = tmp_path_factory.mktemp("line")
    with peers.orthanc(folder / "orthanc") as pacs, running_node(folder / "node", pacs, rules=()) as node:
        yield Line(node, pacs)


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, list[Case]]:
    """A run's folder, and lesions of its test part."""
    folder = tmp_path_factory.mktemp("trained")
    recipe, data = small_training.breast_masks(folder)
    done = wetread("train", recipe, "--data", data, "--out", folder / "run", "--threads", "1", timeout_s=900.0)
    assert done.returncode == 0, done.stderr
    cases = read_parts(read_recipe(recipe), data).cases("test")
    return folder / "run", [case for case in cases if case.instance_labels][:SENT]


def test_lesions_are_boxes_and_masks_at_the_pacs(line: Line, trained: tuple[Path, list[Case]], tmp_path: Path) -> None:
    run, cases = trained
    package = run / "package" / NAME
    line.use(run, {"name": "breasts", "when": 'Modality == "US"', "model": NAME})
    overlaps = [_one(line, package, case, tmp_path / str(number)) for number, case in enumerate(cases)]
    assert len(overlaps) == SENT and max(overlaps) > 0.5, overlaps
    assert np.mean(np.array(overlaps) > 0.1) > 0.25, overlaps


def _one(line: Line, package: Path, case: Case, folder: Path) -> float:
    """Send one image; the best Dice of a mask at the PACS with the true lesions, 0 where nothing was found."""
    dataset = us_region(case.voxels_ckji[0, 0].astype(np.uint8), None)
    write([dataset], folder / "us")
    uid = str(dataset.StudyInstanceUID)
    line.send(folder / "us")
    story = line.node.wait(uid, delivered, 300.0)
    found = line.at_pacs(uid, folder / "pacs")
    shown = wetread_here("show", uid, "--config", line.node.config).stdout
    assert load_package(package).digest[:12] in shown
    findings = _findings(story["jobs"][0]["measurements"])
    assert findings == _offline(package, folder)
    if not findings:
        assert found.keys() == {"SR"} and "Absent" in validators.dsrdump(found["SR"])
        return 0.0
    assert found.keys() == {"SEG", "SR"}
    return _agree(found, findings, case)


def _agree(found: dict[str, Path], findings: list[dict[str, Any]], case: Case) -> float:
    """Boxes of the SR and masks of the SEG are as many as the findings and lie on each other; their best Dice with the truth."""
    groups = highdicom.sr.srread(found["SR"]).content.get_planar_roi_measurement_groups()  # type: ignore[attr-defined]
    boxes = [group.roi.value for group in groups if group.roi is not None]
    frames = np.atleast_3d(dcmread(found["SEG"]).pixel_array)
    masks = frames.reshape(-1, *case.voxels_ckji.shape[-2:]) > 0
    assert len(boxes) == len(masks) == len(findings)
    for box, mask in zip(boxes, masks, strict=True):
        points = np.argwhere(mask)[:, ::-1]
        assert (points >= box.min(axis=0) - 1).all() and (points <= box.max(axis=0) + 1).all()
    assert case.labels_kji is not None
    return max(_dice(mask, case.labels_kji[0] > 0) for mask in masks)


def _dice(mask: NDArray[np.bool_], truth: NDArray[np.bool_]) -> float:
    both = np.count_nonzero(mask) + np.count_nonzero(truth)
    return 2 * float(np.count_nonzero(mask & truth)) / float(both) if both else 0.0


def _offline(package: Path, folder: Path) -> list[dict[str, Any]]:
    """The findings that `wetread infer` starts tells of the same file, without a node."""
    done = inference_here("run", package, folder / "us", "--out", folder / "offline", "--json")
    assert done.returncode == 0, done.stderr
    return _findings(json.loads(done.stdout)["measurements"])


def _findings(measurements: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """All findings, without the tracking identifier that each run gives anew."""
    return [finding | {"tracking_uid": ""} for record in measurements for finding in record["findings"]]

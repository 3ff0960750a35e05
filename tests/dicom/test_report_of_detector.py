"""From the images to SEG and SR by a detector whose answer is known, as the tools of others read them."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from pydicom.dataset import Dataset

from inference.engine.package import LoadedModel
from inference.engine.predict import predict
from inference.manifest import Manifest
from inference.report import ReportObject, build_report
from inference.volume import Detections, assemble
from tests.support.dicom_builders import ORIENTATIONS, ct_series, us_image
from tests.support.validators import dciodvfy, dsrdump
from tests.unit.inference.pipeline.bright import BrightParts
from tests.unit.inference.report.inputs import DIGEST, lesion_finder, task

BLOCKS = [((1, 3, 4), (4, 9, 15), 1), ((5, 8, 12), (8, 14, 20), 2)]
"""First and end voxel (k, j, i), and value, which tells the label."""
INTENSITY = {"kind": "window", "lower": 0, "upper": 2}


def _volume(orientation: Sequence[float]) -> tuple[list[Dataset], NDArray[np.uint8]]:
    """CT slices with two bright blocks, and their labels on the grid of the assembled volume."""
    pixels = np.zeros((9, 18, 24), np.int16)
    for low, high, value in BLOCKS:
        pixels[tuple(slice(a, b) for a, b in zip(low, high, strict=True))] = value
    datasets = ct_series(9, orientation=tuple(orientation), spacing=(2.0, 1.0, 1.0), pixels=pixels)
    return datasets, assemble(datasets, spatial_dims=3, scale="unknown").voxels_kji.round().astype(np.uint8)


def _run(datasets: Sequence[Dataset], manifest: Manifest, dims: int) -> tuple[Detections, dict[str, ReportObject]]:
    model = LoadedModel(manifest, DIGEST, (BrightParts(dims, masks=True).eval(),))
    found = predict(model, {"image": assemble(datasets, spatial_dims=dims, scale="unknown")})
    assert isinstance(found, Detections)
    results, _ = build_report(datasets, found, manifest, DIGEST, task())
    return found, {item.role: item for item in results}


def _clean(results: dict[str, ReportObject], folder: Path) -> str:
    for role in ("seg", "sr"):
        (folder / f"{role}.dcm").write_bytes(results[role].payload)
        assert dciodvfy(folder / f"{role}.dcm") == [], role
    return dsrdump(folder / "sr.dcm")


def _window(mask: NDArray[np.bool_]) -> list[int]:
    points = np.argwhere(mask)
    return [*points.min(axis=0).tolist(), *(points.max(axis=0) + 1).tolist()]


@pytest.mark.parametrize(
    "orientation", ["axial", *(pytest.param(name, marks=pytest.mark.heavy) for name in sorted(set(ORIENTATIONS) - {"axial"}))]
)
def test_blocks_of_a_volume_are_boxes_surfaces_and_segments(orientation: str, tmp_path: Path) -> None:
    """By windows that cut both, in every orientation: corners are those of the source's own voxels."""
    datasets, labels = _volume(ORIENTATIONS[orientation])
    grid = {"spacing_mm": None, "patch": [16, 16, 16], "overlap": 0.75, "minimum_multiple": 16}
    found, results = _run(datasets, lesion_finder(3, grid=grid, intensity=INTENSITY), 3)
    assert [box.tolist() for box in found.boxes] == [_window(labels == 1), _window(labels == 2)]
    assert found.labels.tolist() == [1, 2] and found.masks_kji is not None
    assert np.array_equal(found.masks_kji, labels)
    printed = _clean(results, tmp_path)
    assert (printed.count("POLYLINE"), printed.count("POLYGON"), printed.count("Absent")) == (2, 4, 0)
    assert printed.count('"Volume")="') == 2


def test_an_image_of_another_size_gets_its_boxes_in_its_own_pixels(tmp_path: Path) -> None:
    pixels = np.zeros((60, 100), np.uint8)
    pixels[10:30, 20:60] = 1
    grid = {"spacing_mm": None, "patch": [48, 48], "minimum_multiple": 16, "fit": "pad"}
    found, results = _run([us_image(pixels)], lesion_finder(grid=grid, intensity=INTENSITY), 2)
    assert np.abs(found.boxes - [[10, 20, 30, 60]]).max() < 1.1
    printed = _clean(results, tmp_path)
    assert len(re.findall("Present", printed)) == 2 and printed.count("Absent") == 1

"""Whole packages of every detector, untrained, from images to checked results: whatever they find, the results hold it."""

from __future__ import annotations

from dataclasses import replace
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from inference.engine.detector import find_boxes
from inference.engine.loading import dry_run
from inference.engine.package import LoadedModel, load_package
from inference.engine.predict import predict
from inference.engine.stored import decode, encode
from inference.report import build_report
from inference.volume import Detections, assemble
from storage.base.errors import InputError, ModelError
from tests.support.dicom_builders import ct_series, us_image
from tests.support.tiny_detector import SMALL, write_tiny_detector
from tests.unit.inference.pipeline.bright import BrightParts
from tests.unit.inference.report.inputs import DIGEST, lesion_finder, task

ALL: dict[str, Any] = {"thresholds": [1e-5, 1e-5], "score": 1e-5, "most": 3, "candidates": 200}
"""Rules by which an untrained detector finds something everywhere."""

FIRST = ("mask-rcnn", 2)
CASES = [pytest.param(*case, marks=() if case == FIRST else pytest.mark.heavy) for case in product(SMALL, (2, 3))]


def _source(dims: int) -> list[Any]:
    generator = np.random.default_rng(2)
    if dims == 2:
        return [us_image(generator.integers(0, 255, (60, 90)).astype(np.uint8))]
    return ct_series(20, 40, 36, (3.0, 1.0, 1.2), (0, 1, 0, 0, 0, -1), pixels=generator.integers(0, 255, (20, 40, 36)))


@pytest.mark.parametrize(("name", "dims"), CASES)
def test_whatever_is_found_is_reported_and_checked(tmp_path: Path, name: str, dims: int) -> None:
    grid: dict[str, Any] = {} if dims == 2 else {"grid": {"spacing_mm": None, "patch": [16, 32, 32], "minimum_multiple": 16}}
    modality = "US" if dims == 2 else "CT"
    package = write_tiny_detector(tmp_path, name, dims=dims, labels=2, members=2, modality=modality, detection=ALL, **grid)
    loaded, source = load_package(package), _source(dims)
    dry_run(loaded)
    found = predict(loaded, {"image": assemble(source, spatial_dims=dims, scale="unknown")})
    assert isinstance(found, Detections) and 0 < len(found.boxes) <= 3
    blob = encode(found)[1]
    assert encode(decode(blob, "detection"))[1] == blob
    results, records = build_report(source, found, loaded.manifest, loaded.digest, task())
    assert sum(len(record["findings"]) for record in records) == len(found.boxes)
    assert ("seg" in {item.role for item in results}) is (name == "mask-rcnn")


def _bright(**changes: Any) -> LoadedModel:
    grid = {"spacing_mm": None, "patch": [32, 32], "minimum_multiple": 16, "fit": "stretch"}
    manifest = lesion_finder(grid=grid, intensity={"kind": "window", "lower": 0, "upper": 2}, **changes)
    return LoadedModel(manifest, DIGEST, (BrightParts(masks=True).eval(),))


def test_a_voxel_of_two_masks_belongs_to_the_surer_and_a_mask_without_voxels_has_no_segment() -> None:
    picture = np.zeros((1, 32, 32), np.float32)
    picture[0, 4:20, 4:20], picture[0, 6:10, 6:10] = 1.0, 2.0
    found = find_boxes(_bright(), picture, np.eye(4))
    assert found.labels.tolist() == [1, 2] and found.scores.tolist() == pytest.approx([0.4, 0.8])
    assert found.segments.tolist() == [1, 2] and found.masks_kji is not None
    assert np.array_equal(found.masks_kji == 2, picture == 2) and np.array_equal(found.masks_kji > 0, picture > 0)
    less = find_boxes(_bright(detection={"thresholds": [0.6, 0.3]}), picture, np.eye(4))
    assert less.segments.tolist() == [0, 1] and less.masks_kji is not None and less.masks_kji.max() == 1


def test_refusals_are_named() -> None:
    with pytest.raises(InputError) as refused:
        find_boxes(_bright(), np.zeros((2, 8, 8), np.float32), np.eye(4))
    assert refused.value.reason_code == "not-an-image"
    many = np.zeros((1, 60, 60), np.float32)
    many[0, ::3, ::3] = 1.0
    manifest = lesion_finder(
        grid={"spacing_mm": None, "patch": [64, 64], "minimum_multiple": 16, "fit": "pad"},
        intensity={"kind": "window", "lower": 0, "upper": 1},
        detection={"thresholds": [0.3, 0.3], "most": 1000},
    )
    model = replace(_bright(), manifest=manifest)
    source = [us_image(many[0].astype(np.uint8))]
    found = predict(model, {"image": assemble(source, spatial_dims=2, scale="unknown")})
    with pytest.raises(ModelError, match="more than 200; raise its threshold") as broken:
        build_report(source, found, manifest, DIGEST, task())
    assert broken.value.reason_code == "output-boxes"

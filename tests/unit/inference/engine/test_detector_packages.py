from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from inference.engine.package import load_package
from inference.networks.detection import Detector
from storage.base.errors import ModelError
from tests.support.tiny_detector import SMALL, write_tiny_detector
from tests.support.tiny_package import write_tiny_package


@pytest.mark.parametrize("dims", [2, 3])
@pytest.mark.parametrize("name", list(SMALL))
def test_every_detector_loads(tmp_path: Path, name: str, dims: int) -> None:
    loaded = load_package(write_tiny_detector(tmp_path, name, dims=dims, labels=2, members=2))
    assert [type(network) for network in loaded.networks] == [type(loaded.network)] * 2
    assert isinstance(loaded.network, Detector) and loaded.network.classes == 2 and not loaded.network.training


def _with_network(package: Path, name: str) -> None:
    path = package / "configs" / "wetread.json"
    document: dict[str, Any] = json.loads(path.read_text())
    document["network"]["name"] = name
    path.write_text(json.dumps(document))


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"arguments": {"out_channels": 3}}, r"network finds objects of 2 label\(s\), the manifest declares 1; .* must be 2"),
        ({"arguments": {"in_channels": 2}}, r"the network can't run on 1 input\(s\) of grid\.patch \(64, 64\)"),
        (
            {"grid": {"spacing_mm": None, "patch": [60, 64]}},
            r"the network can't run on 1 input\(s\) of grid\.patch \(60, 64\)",
        ),
    ],
)
def test_a_detector_that_does_not_fit_is_refused(tmp_path: Path, changes: dict[str, Any], says: str) -> None:
    with pytest.raises(ModelError, match=rf"wetread\.json: .*{says}") as caught:
        load_package(write_tiny_detector(tmp_path, **changes))
    assert caught.value.reason_code == "network-invalid"


def test_a_network_of_another_task_is_refused(tmp_path: Path) -> None:
    detector = write_tiny_detector(tmp_path / "detector")
    _with_network(detector, "unet")
    with pytest.raises(ModelError, match=r"network\.name: unet is for segmentation, and task is detection; correct either"):
        load_package(detector)
    segmenter = write_tiny_package(tmp_path / "segmenter")
    _with_network(segmenter, "yolo")
    with pytest.raises(ModelError, match=r"network\.name: yolo is for detection, and task is segmentation; correct either"):
        load_package(segmenter)

"""A window in Hounsfield units is never laid over values of another unit."""

from __future__ import annotations

from pathlib import Path

import pytest

from inference.engine.segmenter import load_package
from inference.engine.tasks import predict_series
from inference.volume import LabelMap
from storage.base.errors import InputError
from tests.support.dicom_builders import ct_series
from tests.support.tiny_package import write_tiny_package

WINDOW = {"kind": "window", "lower": -100.0, "upper": 300.0}


def test_a_ct_in_another_unit_is_refused_and_one_in_hu_is_read(tmp_path: Path) -> None:
    loaded = load_package(write_tiny_package(tmp_path / "tiny", modality="CT", intensity=WINDOW))
    datasets = ct_series(4, 16, 16, (2.0, 1.0, 1.0))
    found = predict_series(loaded, {"image": datasets}, lambda stage, fraction: None)  # type: ignore[arg-type]
    assert isinstance(found, LabelMap) and found.labels_kji.shape == (4, 16, 16)
    for dataset in datasets:
        dataset.RescaleType = "OD"
    with pytest.raises(InputError) as refused:
        predict_series(loaded, {"image": datasets}, lambda stage, fraction: None)  # type: ignore[arg-type]
    assert refused.value.reason_code == "not-in-hu"

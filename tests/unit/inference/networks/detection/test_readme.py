"""The table of inference/networks/detection/README.md is the code's."""

from __future__ import annotations

import re

import pytest

from inference.networks.detection import DETECTORS, build_detector
from tests.support.data import REPOSITORY

ROW = re.compile(r"^\| `([a-z-]+)` \|[^|]*\|[^|]*\| ([\d,]+) / ([\d,]+) \|$", re.MULTILINE)


@pytest.mark.heavy
def test_the_table_tells_what_is_built() -> None:
    rows = ROW.findall((REPOSITORY / "inference/networks/detection/README.md").read_text())
    assert sorted(row[0] for row in rows) == sorted(DETECTORS)
    for name, *told in rows:
        counts = []
        for dims in (2, 3):
            network = build_detector(name, {"spatial_dims": dims, "in_channels": 1, "out_channels": 2})
            counts.append(f"{sum(value.numel() for value in network.parameters()):,}")
        assert told == counts, name

"""The table of inference/networks/README.md is the code's."""

from __future__ import annotations

import re

import pytest

from inference.networks import build, minimum_multiple, names, task_of
from tests.support.data import REPOSITORY

ROW = re.compile(r"^\| `([a-z0-9-]+)` \| (\w+) \|[^|]*\| ([\d,]+) / ([\d,]+) \| (?:multiples of (\d+)|any) \|", re.MULTILINE)


@pytest.mark.heavy
def test_the_table_tells_what_is_built() -> None:
    rows = ROW.findall((REPOSITORY / "inference/networks/README.md").read_text())
    assert sorted(row[0] for row in rows) == list(names())
    for name, task, flat, solid, multiple in rows:
        counts = []
        for dims in (2, 3):
            network = build(name, {"spatial_dims": dims, "in_channels": 1, "out_channels": 2})
            counts.append(f"{sum(value.numel() for value in network.parameters()):,}")
        assert (task, flat, solid, int(multiple or 1)) == (task_of(name), *counts, minimum_multiple(name, {})), name

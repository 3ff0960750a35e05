"""The table of inference/networks/fusion/README.md is the code's."""

from __future__ import annotations

import re

from inference.networks import build
from inference.networks.registry import fusion_names
from tests.support.data import REPOSITORY

ROW = re.compile(r"^\| `([a-z-]+)` \|[^|]*\| ([\d,]+) / ([\d,]+) \|", re.MULTILINE)


def test_the_table_tells_what_is_built() -> None:
    rows = ROW.findall((REPOSITORY / "inference/networks/fusion/README.md").read_text())
    assert sorted(row[0] for row in rows) == list(fusion_names())
    found = {}
    for name, *_ in rows:
        networks = [build(name, {"spatial_dims": dims, "in_channels": 2, "out_channels": 2}) for dims in (2, 3)]
        found[name] = [f"{sum(value.numel() for value in network.parameters()):,}" for network in networks]
    assert found == {name: list(counts) for name, *counts in rows}

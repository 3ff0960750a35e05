"""What importing the networks costs: the small ones must not bring MONAI's along."""

from __future__ import annotations

import subprocess
import sys

import pytest

PROGRAM = """
import sys
from inference.networks import build, minimum_multiple, names
build("unet", {"spatial_dims": 2, "in_channels": 1, "out_channels": 2})
assert len(names()) == 11 and minimum_multiple("fcn", {}) == 1
print(sorted(name for name in sys.modules if name.split(".")[0] in ("monai", "einops", "torchvision")))
"""


@pytest.mark.heavy
def test_building_a_unet_imports_no_monai() -> None:
    done = subprocess.run([sys.executable, "-c", PROGRAM], capture_output=True, text=True, check=True, timeout=120)
    assert done.stdout.strip() == "[]"

from __future__ import annotations

import numpy as np

from training.data.case import Case
from training.data.survey.facts import facts_of


def test_the_percentiles_of_a_large_volume_are_those_of_its_voxels() -> None:
    """Sizes of powers of two, as CTs have: steps of equal length through it would see the first column alone."""
    voxels = np.full((1, 8, 4096, 64), -1000.0, dtype=np.float32)
    voxels[..., 26:54] = 40.0
    voxels[..., 54:] = 60.0
    facts = facts_of(Case("c", "c", voxels, np.eye(4)), classes=2, side=8)
    assert facts.percentiles == (-1000.0, -1000.0, 40.0, 40.0, 60.0)
    assert facts.extremes == (-1000.0, 60.0) and facts.label_voxels is None

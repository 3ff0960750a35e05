"""The picture of a SEG that came back from an archive."""

from __future__ import annotations

from io import BytesIO

import numpy as np
import pytest
from PIL import Image

from inference.report.checks.read_back import read_back
from inference.report.codes import colours, to_rgb
from inference.report.pictures.parts import PANEL_PIXELS
from inference.report.pictures.render import picture_of
from tests.support.wrapped_images import us_region
from tests.unit.inference.report.inputs import disc, head_finder, label_map_of, results_of


@pytest.mark.parametrize("spacing", [(0.5, 0.5), None])
def test_a_single_image_with_and_without_spacing_is_drawn(spacing: tuple[float, float] | None) -> None:
    source = [us_region(np.zeros((40, 80), np.uint8), spacing)]
    results = results_of(source, label_map_of(source, disc((40, 80), (20, 30), (10, 20))), head_finder(measures=[]))
    drawn = picture_of(read_back(results["seg"].payload), source)
    colour = to_rgb(colours(head_finder().labels)[1])
    found = [
        np.argwhere((np.abs(np.asarray(Image.open(BytesIO(png)).convert("RGB"))[:PANEL_PIXELS].astype(int) - colour) <= 2).all(2))
        for png in (drawn, results["overlay"].payload)
    ]
    assert len(found[0]) > 500 and np.array_equal(found[0], found[1])

"""The picture of a classification: the image as it is, and the results in words below."""

from __future__ import annotations

from io import BytesIO

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from inference.report.pictures.parts import INK, PANEL_PIXELS, WARNING
from tests.support.wrapped_images import dx_image
from tests.unit.inference.report.inputs import classifier, probabilities_of, results_of

LEFT_DARK = np.where(np.arange(60) < 30, 20, 220).astype(np.uint8)[None].repeat(40, axis=0)


def _picture(*values: float, clinical_use: bool = False) -> NDArray[np.uint8]:
    source = [dx_image(LEFT_DARK)]
    results = results_of(source, probabilities_of(source, *values), classifier((0.4,), clinical_use=clinical_use))
    return np.asarray(Image.open(BytesIO(results["overlay"].payload)).convert("RGB"))


def _has(picture: NDArray[np.uint8], colour: tuple[int, int, int]) -> bool:
    return bool((picture[PANEL_PIXELS:] == colour).all(axis=2).any())


def test_the_image_fills_the_panel_unmarked_and_upright() -> None:
    panel = _picture(0.9)[:PANEL_PIXELS].astype(int)
    assert (panel == panel[..., :1]).all()
    assert panel[256, 100, 0] < 30 < 200 < panel[256, 412, 0]
    assert not panel[:80].any()  # 40 rows to 60 columns: black above and below


def test_what_is_present_stands_out() -> None:
    present, absent = _picture(0.9, clinical_use=True), _picture(0.1, clinical_use=True)
    assert (_has(present, WARNING), _has(absent, WARNING)) == (True, False)
    assert _has(absent, INK)


def test_the_research_mark_takes_a_line() -> None:
    assert _picture(0.1).shape[0] > _picture(0.1, clinical_use=True).shape[0]
    assert _has(_picture(0.1), WARNING)

"""Colour images: refused unless a model takes them as grey, and then read as their luma.

Scanners send ultrasound in colour although most of it is grey: three equal samples, or luma and two flat chroma planes. Colour
overlays (Doppler, callipers) turn grey too, so a model has to allow it in its manifest.
"""

from __future__ import annotations

from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray
from pydicom.dataset import Dataset

from storage.base.errors import InputError

Colour = Literal["refuse", "grey"]
"""What becomes of colour images (``inputs[].colour`` of the manifest)."""

LUMA = (0.299, 0.587, 0.114)
"""Shares of red, green and blue in Y of YBR_FULL (PS3.3 C.7.6.3.1.2, after ITU-R BT.601)."""

_READ = frozenset({"RGB", "YBR_FULL", "YBR_FULL_422", "YBR_ICT", "YBR_RCT"})


def check_colour(dataset: Dataset, colour: Colour) -> None:
    """Refuse an Instance in colour that isn't to be read as grey, or whose colours aren't understood (``colour-image``)."""
    if dataset.get("SamplesPerPixel", 1) == 1:
        return
    if colour == "refuse":
        raise InputError("the images are in colour; the model takes greyscale images", code="colour-image")
    if dataset.get("SamplesPerPixel") != 3 or dataset.get("PhotometricInterpretation") not in _READ:
        listed = ", ".join(sorted(_READ))
        raise InputError(f"the images are in colours that aren't read; send greyscale or one of {listed}", code="colour-image")


def luma(rgb: NDArray[Any]) -> NDArray[np.float64]:
    """Y of red, green and blue along the last axis; equal samples give their own value."""
    return np.asarray(sum(share * rgb[..., index].astype(np.float64) for index, share in enumerate(LUMA)))

"""A classifier over the whole image: one batch of its mirrored passes."""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from inference.manifest import Manifest
from inference.pipeline.prepare import Prepared
from inference.pipeline.window import asked, forward, mirrored


def class_scores(network: nn.Module, prepared: Prepared, manifest: Manifest) -> NDArray[np.float64]:
    """Logits (passes, classes), "none of the labels" first; the first pass is the image as it is.

    Parameters
    ----------
    network : in evaluation mode.
    """
    with torch.inference_mode():
        images, _ = mirrored(prepared.image, manifest.postprocess.mirror_axes)
        return np.asarray(forward(asked(network, prepared.present), images).numpy(), dtype=np.float64)

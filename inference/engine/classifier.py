"""A loaded model package's way from a volume or image to class probabilities."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from inference.engine.package import LoadedModel
from inference.pipeline import Progress, class_scores, prepare, silent
from storage.base.errors import ModelError


def class_probabilities(
    model: LoadedModel, voxels_kji: NDArray[np.float32], affine_lps_mm: NDArray[np.float64], progress: Progress = silent
) -> NDArray[np.float64]:
    """The probability of each class, from the whole of an image or volume; evaluation measures this.

    Parameters
    ----------
    model : a package whose task is classification.
    voxels_kji : (K, J, I) in the volume's own units; K is 1 for a 2-D model.
    affine_lps_mm : (4, 4), index (i, j, k, 1) to LPS millimetres.
    progress : called with (stage, fraction) for the stages prepare, network; an exception from it stops the run.

    Returns
    -------
    float64 (1 + labels,), sum 1: the mean over members and mirrored passes of the softmax at the manifest's temperature.
    Index 0 is "none of the labels".

    Raises
    ------
    InputError
        The volume can't be used by this model.
    ModelError
        Code ``output-invalid``: a network yields values that are not numbers.
    """
    progress("prepare", 0.0)
    prepared = prepare(voxels_kji, affine_lps_mm, model.manifest)
    progress("prepare", 1.0)
    found = []
    for number, network in enumerate(model.networks):
        scores = class_scores(network, prepared, model.manifest)
        if not np.isfinite(scores).all():
            message = f"{model.name_of(number)} yields values that are not numbers on this input; have the model checked"
            raise ModelError(message, code="output-invalid")
        found.append(softmax(scores / _temperature(model)).mean(axis=0))
        progress("network", (number + 1) / len(model.networks))
    return np.asarray(np.mean(found, axis=0))


def softmax(scores: NDArray[np.float64]) -> NDArray[np.float64]:
    """Probabilities along the last axis; no score is too large."""
    powers = np.exp(scores - scores.max(axis=-1, keepdims=True))
    return np.asarray(powers / powers.sum(axis=-1, keepdims=True))


def _temperature(model: LoadedModel) -> float:
    stated = model.manifest.classification
    return 1.0 if stated is None else stated.temperature

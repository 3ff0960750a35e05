"""A loaded model package's way from volumes to a label map."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from inference.engine.package import LoadedModel, load_package
from inference.pipeline import Placed, Prepared, Progress, labels_on_source, prepare_inputs, segment, silent
from storage.base.errors import ModelError

__all__ = ["LoadedModel", "label_volume", "load_package", "run", "run_prepared"]


def run(model: LoadedModel, volumes: Mapping[str, Placed], progress: Progress = silent) -> NDArray[Any]:
    """The label map of one study's inputs.

    Parameters
    ----------
    model : from ``load_package``.
    volumes : by input name of the manifest, all in one frame of reference; an optional one may be missing.
    progress : called with (stage, fraction) for the stages prepare, network, restore; an exception from it stops the run.

    Returns
    -------
    labels_kji
        uint8 (uint16 beyond 255 labels), (K, J, I) on the grid of the reference; 0 is background.

    Raises
    ------
    InputError
        A volume is missing or can't be used by this model, or shows too little of the reference's grid.
    ModelError
        Code ``output-invalid``: a network yields values that are not numbers.
    """
    return run_prepared(model, volumes, progress)[0]


def run_prepared(model: LoadedModel, volumes: Mapping[str, Placed], progress: Progress = silent) -> tuple[NDArray[Any], Prepared]:
    """As ``run``, with the network's input: which inputs there were, and how much of the grid each showed."""
    progress("prepare", 0.0)
    prepared = prepare_inputs(volumes, model.manifest)
    progress("prepare", 1.0)
    labels = labels_on_source(_mean_scores(model, prepared, progress), prepared, model.manifest, progress)
    expected = volumes[model.manifest.reference_input.name].voxels_kji.shape
    if labels.shape != expected:
        raise ModelError(f"label map {labels.shape} doesn't fit its volume {expected}", code="output-invalid")
    return labels, prepared


def label_volume(
    model: LoadedModel, voxels_kji: NDArray[np.float32], affine_lps_mm: NDArray[np.float64], progress: Progress = silent
) -> NDArray[Any]:
    """``run`` for a bare array (K, J, I) of the reference alone and its affine; evaluation measures this."""
    return run(model, {model.manifest.reference_input.name: _Bare(voxels_kji, affine_lps_mm)}, progress)


@dataclass(frozen=True, eq=False)
class _Bare:
    """An array and its affine, index (i, j, k, 1) to LPS millimetres."""

    voxels_kji: NDArray[np.float32]
    affine_lps_mm: NDArray[np.float64]


def _mean_scores(model: LoadedModel, prepared: Prepared, progress: Progress) -> Tensor:
    """The members' mean logits (classes, [k,] j, i), member by member, so that two members' scores at most are held.

    Logits rather than probabilities: mirrored passes are averaged so too, a single network is an ensemble of one to the byte,
    no softmax is paid for, and the mean of logits stands for the normalised geometric mean of the members' probabilities.
    """
    count = len(model.networks)
    total: Tensor | None = None
    for number, network in enumerate(model.networks):
        scores = segment(network, prepared, model.manifest, _part_of(progress, number, count))
        if not bool(torch.isfinite(scores).all()):
            message = f"{model.name_of(number)} yields values that are not numbers on this input; have the model checked"
            raise ModelError(message, code="output-invalid")
        with torch.inference_mode():
            total = scores if total is None else total.add_(scores)
    assert total is not None
    with torch.inference_mode():
        return total if count == 1 else total.div_(count)


def _part_of(progress: Progress, number: int, count: int) -> Progress:
    """Progress of one member as progress of all."""
    return lambda stage, fraction: progress(stage, (number + fraction) / count)

"""What a package says of a case, by the node's own code: a label map, or class probabilities."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from inference.engine.classifier import class_probabilities
from inference.engine.package import LoadedModel
from inference.engine.segmenter import run
from inference.pipeline import class_scores, prepare
from inference.pipeline.orient import Affine
from training.data.case import Case, Series
from training.data.inputs import inputs_of


def mirrored(case: Case) -> Case:
    """The case with voxels, labels and objects flipped along the array axis that runs most from left to right, its series too."""
    axis = _sideways(case.affine_lps_mm)
    voxels = np.ascontiguousarray(np.flip(case.voxels_ckji, axis + 1))
    labels = None if case.labels_kji is None else np.ascontiguousarray(np.flip(case.labels_kji, axis))
    instances = None if case.instances_kji is None else np.ascontiguousarray(np.flip(case.instances_kji, axis))
    turn = case.affine_lps_mm @ _flip(axis, case.voxels_kji.shape) @ np.linalg.inv(case.affine_lps_mm)
    further = {name: _turned(series, turn) for name, series in case.further.items()}
    return replace(case, voxels_ckji=voxels, labels_kji=labels, instances_kji=instances, further=further)


def _turned(series: Series, turn: Affine) -> Series:
    """A series mirrored in the patient by ``turn``, and flipped along its own axis: on the reference's grid it stays there."""
    axis = _sideways(series.affine_lps_mm)
    affine = turn @ series.affine_lps_mm @ _flip(axis, series.voxels_kji.shape)
    return Series(np.ascontiguousarray(np.flip(series.voxels_kji, axis)), affine)


def _sideways(affine_lps_mm: Affine) -> int:
    return 2 - int(np.argmax(np.abs(affine_lps_mm[0, :3])))


def _flip(axis: int, size_kji: tuple[int, ...]) -> Affine:
    """From an index (i, j, k, 1) to that of the same voxel when array ``axis`` runs backwards."""
    flip = np.eye(4)
    flip[2 - axis, 2 - axis], flip[2 - axis, 3] = -1, size_kji[axis] - 1
    return flip


def without(case: Case, name: str) -> Case:
    """The case with one of its further series left out."""
    return replace(case, further={key: series for key, series in case.further.items() if key != name})


def labels_of(model: LoadedModel, case: Case) -> NDArray[Any]:
    """Label map (K, J, I) on the case's own grid."""
    return run(model, inputs_of(case, model.manifest))


def probabilities_of(model: LoadedModel, case: Case) -> NDArray[np.float64]:
    """(classes,), at the manifest's temperature."""
    return class_probabilities(model, case.voxels_kji, case.affine_lps_mm)


def scores_of(model: LoadedModel, case: Case) -> NDArray[np.float64]:
    """Logits (members x mirrored passes, classes), of which ``probabilities_of`` is the tempered mean."""
    prepared = prepare(case.voxels_kji, case.affine_lps_mm, model.manifest)
    return np.concatenate([class_scores(network, prepared, model.manifest) for network in model.networks])


def at_temperature(model: LoadedModel, temperature: float) -> LoadedModel:
    """The classifier with another temperature; its digest stays that of the package it came from."""
    stated = model.manifest.classification
    assert stated is not None
    classification = stated.model_copy(update={"temperature": temperature})
    return replace(model, manifest=model.manifest.model_copy(update={"classification": classification}))

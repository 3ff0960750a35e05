"""What a package says of a case, by the node's own code: a label map, or class probabilities."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from inference.engine.classifier import class_probabilities
from inference.engine.package import LoadedModel
from inference.engine.segmenter import label_volume
from inference.pipeline import class_scores, prepare
from training.data.case import Case


def mirrored(case: Case) -> Case:
    """The case with voxels and labels flipped along the array axis that runs most from left to right."""
    axis_ijk = int(np.argmax(np.abs(case.affine_lps_mm[0, :3])))
    axis = 2 - axis_ijk
    voxels = np.ascontiguousarray(np.flip(case.voxels_ckji, axis + 1))
    labels = None if case.labels_kji is None else np.ascontiguousarray(np.flip(case.labels_kji, axis))
    return replace(case, voxels_ckji=voxels, labels_kji=labels)


def labels_of(model: LoadedModel, case: Case) -> NDArray[Any]:
    """Label map (K, J, I) on the case's own grid."""
    return label_volume(model, case.voxels_kji, case.affine_lps_mm)


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

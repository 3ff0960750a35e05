"""What a loaded model says of its inputs, whatever its task: a label map or class probabilities, tied to the source's slices."""

from __future__ import annotations

from collections.abc import Mapping

from inference.engine.classifier import class_probabilities
from inference.engine.package import LoadedModel
from inference.engine.segmenter import input_of, label_volume
from inference.pipeline import Progress, silent
from inference.volume import ClassProbabilities, LabelMap, Volume

Prediction = LabelMap | ClassProbabilities


def predict(model: LoadedModel, volumes: Mapping[str, Volume], progress: Progress = silent) -> Prediction:
    """Run ``model`` on volumes by input name; what comes back belongs to the manifest's first input.

    Raises
    ------
    InputError
        A volume is missing or can't be used by this model.
    ModelError
        Code ``output-invalid``.
    """
    volume = input_of(model, volumes)
    if model.manifest.task == "classification":
        return ClassProbabilities.on(volume, class_probabilities(model, volume.voxels_kji, volume.affine_lps_mm, progress))
    return LabelMap.on(volume, label_volume(model, volume.voxels_kji, volume.affine_lps_mm, progress))

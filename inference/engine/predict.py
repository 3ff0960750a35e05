"""What a loaded model says of its inputs, whatever its task, tied to the source's slices."""

from __future__ import annotations

from collections.abc import Mapping

from inference.engine.classifier import class_probabilities
from inference.engine.detector import find_boxes
from inference.engine.heads import models_of_heads
from inference.engine.notes import input_notes
from inference.engine.package import LoadedModel
from inference.engine.segmenter import run_prepared
from inference.pipeline import Progress, silent
from inference.volume import Answers, ClassProbabilities, LabelMap, Volume
from inference.volume.answers import Answer
from inference.volume.boxes import Detections
from storage.base.errors import InputError

Prediction = Answer | Answers


def predict(model: LoadedModel, volumes: Mapping[str, Volume], progress: Progress = silent) -> Prediction:
    """Run ``model`` on volumes by input name; what comes back belongs to the manifest's reference.

    Raises
    ------
    InputError
        A volume is missing or can't be used by this model.
    ModelError
        Code ``output-invalid``.
    """
    name = model.manifest.reference_input.name
    if name not in volumes:
        raise InputError(f"the model's input {name!r} is missing; name a series for it in the rule", code="input-missing")
    if model.manifest.task == "multitask":
        heads = models_of_heads(model)
        return Answers({head: _answer(alone, volumes, progress) for head, alone in heads.items()})
    return _answer(model, volumes, progress)


def _boxes(model: LoadedModel, volume: Volume, progress: Progress) -> Detections:
    found = find_boxes(model, volume.voxels_kji, volume.affine_lps_mm, progress)
    return Detections.on(volume, found.boxes, found.scores, found.labels, found.segments, found.masks_kji)


def _answer(model: LoadedModel, volumes: Mapping[str, Volume], progress: Progress) -> Answer:
    """What a model of one task, or one head of several, says."""
    volume = volumes[model.manifest.reference_input.name]
    if model.manifest.task == "detection":
        return _boxes(model, volume, progress)
    if model.manifest.task == "classification":
        return ClassProbabilities.on(volume, class_probabilities(model, volume.voxels_kji, volume.affine_lps_mm, progress))
    labels, prepared = run_prepared(model, volumes, progress)
    return LabelMap.on(volume, labels, input_notes(model.manifest, prepared))

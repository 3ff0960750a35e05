"""Inputs of the report writer for tests: a manifest, a task, and labels that no mirroring leaves alike."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pydicom.dataset import Dataset

from inference.manifest import Manifest
from inference.protocol import TaskSpec
from inference.report import ReportObject, build_report
from inference.report.sources.source import Prediction
from inference.volume import Answers, ClassProbabilities, LabelMap, assemble
from inference.volume.frames import frames_of

DIGEST = "ab" * 32
ANATOMY = {"value": "91723000", "scheme": "SCT", "meaning": "Anatomical Structure"}
TYPES = [
    {"value": "10200004", "scheme": "SCT", "meaning": "Liver"},
    {"value": "78961009", "scheme": "SCT", "meaning": "Spleen"},
    {"value": "64033007", "scheme": "SCT", "meaning": "Kidney"},
]


def manifest(labels: int = 3, laterality: Sequence[str | None] = (None, None, "left"), **changes: Any) -> Manifest:
    """A made-up package with up to three labels, or more of the same types."""
    sides = [*laterality, *[None] * labels]
    document: dict[str, Any] = {
        "name": "phantom-organs",
        "version": "1.2.3",
        "title": "Phantom organs",
        "task": "segmentation",
        "intended_use": "tests",
        "licence": "Apache-2.0",
        "weights_licence": "Apache-2.0",
        "manufacturer": "Example Labs",
        "family": {"value": "123109", "scheme": "DCM", "meaning": "Artificial Intelligence"},
        "inputs": [{"modality": ["CT", "MR"]}],
        "grid": {"spacing_mm": [1, 1, 1], "patch": [8, 8, 8]},
        "intensity": {"kind": "window", "lower": 0, "upper": 100},
        "network": {"name": "none", "arguments": {}, "weights_sha256": "0" * 64},
        "labels": [
            {"value": n + 1, "name": f"Organ {n + 1}", "category": ANATOMY, "type": TYPES[n % 3], "laterality": sides[n]}
            for n in range(labels)
        ],
    }
    return Manifest.model_validate(document | changes)


LUNG = {"value": "39607008", "scheme": "SCT", "meaning": "Lung"}
FINDINGS = [
    {"value": "233604007", "scheme": "SCT", "meaning": "Pneumonia"},
    {"value": "60046008", "scheme": "SCT", "meaning": "Pleural effusion"},
]
HEAD = {"value": "69536005", "scheme": "SCT", "meaning": "Head"}
HEAD_CIRCUMFERENCE = {"value": "11984-2", "scheme": "LN", "meaning": "Head Circumference"}
_DISORDER = {"value": "49755003", "scheme": "SCT", "meaning": "Morphologically abnormal structure"}
_FLAT = {
    "inputs": [{"modality": ["US", "DX", "CR"], "spatial_dims": 2}],
    "grid": {"spacing_mm": None, "patch": [8, 8], "fit": "stretch"},
}


def classifier(thresholds: Sequence[float] = (0.4, 0.3), **changes: Any) -> Manifest:
    """A made-up classifier of images: pneumonia in the lung and, with a second threshold, effusion at no stated site."""
    labels = [
        {"value": n + 1, "name": code["meaning"], "category": _DISORDER, "type": code, "site": None if n else LUNG}
        for n, code in enumerate(FINDINGS[: len(thresholds)])
    ]
    rules = {"temperature": 1.25, "thresholds": list(thresholds)}
    said = {"name": "chest-findings", "task": "classification", "labels": labels, "classification": rules}
    return Manifest.model_validate(manifest().model_dump() | _FLAT | said | changes)


def lesion_finder(dims: int = 2, network: str = "mask-rcnn", **changes: Any) -> Manifest:
    """A made-up detector of the findings of ``classifier``, each with its threshold."""
    solid = {} if dims == 2 else {"inputs": [{"modality": ["CT"]}], "grid": {"spacing_mm": None, "patch": [32, 32, 32]}}
    said = {
        "name": "lesion-finder",
        "task": "detection",
        "classification": None,
        "detection": {"thresholds": [0.4, 0.3]},
        "network": {"name": network, "arguments": {}, "weights_sha256": "0" * 64},
    }
    return Manifest.model_validate(classifier().model_dump() | said | solid | changes)


def head_finder(**changes: Any) -> Manifest:
    """A made-up package that finds a fetal head in an image and measures its circumference."""
    label = {"value": 1, "name": "Fetal head", "category": ANATOMY, "type": HEAD}
    measure = {"label": 1, "kind": "ellipse_circumference", "name": "Head circumference", "code": HEAD_CIRCUMFERENCE}
    said = {"name": "head-finder", "labels": [label], "measures": [measure]}
    return Manifest.model_validate(manifest().model_dump() | _FLAT | said | changes)


def lesion_reader(**changes: Any) -> Manifest:
    """A made-up package of two tasks: masks as of ``head_finder``, classes as of ``classifier``."""
    heads = {"heads": {"segmentation": 2, "classification": 3}}
    said = {
        "name": "lesion-reader",
        "task": "multitask",
        "classes": classifier().model_dump()["labels"],
        "classification": {"temperature": 1.25, "thresholds": [0.4, 0.3]},
        "network": {"name": "multitask", "arguments": heads, "weights_sha256": "0" * 64},
    }
    return Manifest.model_validate(head_finder().model_dump() | said | changes)


def answers_of(datasets: Sequence[Dataset], labels_kji: NDArray[Any], *values: float) -> Answers:
    """A mask and the probabilities of the classes 1, 2 …"""
    return Answers({"segmentation": label_map_of(datasets, labels_kji), "classification": probabilities_of(datasets, *values)})


def probabilities_of(datasets: Sequence[Dataset], *values: float) -> ClassProbabilities:
    """Probabilities of the labels 1, 2 …; what is left to 1 is "none of them"."""
    frames = [frame for dataset in datasets for frame in frames_of(dataset)]
    positioned = all(frame.position is not None for frame in frames)
    given = np.array([1.0 - sum(values), *values])
    return ClassProbabilities(given, tuple(frame.reference for frame in frames), frames[0].frame_of_reference_uid, positioned)


def disc(shape: tuple[int, int], centre: tuple[float, float], radii: tuple[float, float]) -> NDArray[np.uint8]:
    """Label 1 inside an upright ellipse, (1, rows, columns); ``radii`` in pixels along rows, along columns."""
    rows, columns = np.mgrid[: shape[0], : shape[1]]
    inside = ((rows - centre[0]) / radii[0]) ** 2 + ((columns - centre[1]) / radii[1]) ** 2 <= 1
    return np.asarray(inside, dtype=np.uint8)[None]


def task(**changes: Any) -> TaskSpec:
    """A report task; what the writer reads of it is its time, parameters and UID entropy."""
    document: dict[str, Any] = {
        "kind": "report",
        "job_id": 1,
        "attempt": 1,
        "model_name": "phantom-organs",
        "model_digest": DIGEST,
        "study_instance_uid": "1.2.3",
        "inputs": {},
        "output_prefix": "jobs/1",
        "created_at": "2026-03-04T05:06:07.890123+00:00",
        "uid_entropy": ("1.2.3", DIGEST, "parameters", "inputs", "1"),
        "deadline_s": 60.0,
    }
    return TaskSpec.model_validate(document | changes)


def asymmetric_labels(shape: tuple[int, int, int]) -> NDArray[np.uint8]:
    """Labels 1, 2, 3 as blocks of different size and place: no flip or permutation of axes gives the same array."""
    k, j, i = shape
    labels = np.zeros(shape, dtype=np.uint8)
    labels[: k // 2 + 1, : j // 3, : i // 4] = 1
    labels[k // 2 :, j // 2 : j // 2 + 3, i // 2 :] = 2
    labels[min(1, k - 1), j - 2 :, i - 3 :] = 3
    return labels


def label_map_of(datasets: Sequence[Dataset], labels_kji: NDArray[Any] | None = None) -> LabelMap:
    """Labels on the grid that the source's headers give; asymmetric ones where none are named."""
    volume = assemble(datasets, spatial_dims=3 if len(datasets) > 1 or "NumberOfFrames" in datasets[0] else 2, scale="unknown")
    return LabelMap.on(volume, asymmetric_labels(volume.voxels_kji.shape) if labels_kji is None else labels_kji)


def results_of(
    datasets: Sequence[Dataset], prediction: Prediction | None = None, package: Manifest | None = None, **changes: Any
) -> dict[str, ReportObject]:
    """The results by role."""
    results, _ = build_report(datasets, prediction or label_map_of(datasets), package or manifest(), DIGEST, task(**changes))
    return {item.role: item for item in results}

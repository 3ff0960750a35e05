"""The two tasks of a job: infer makes the label map, report makes the objects. Blobs in, blobs out, never the database.

Their stages have different names, since a job keeps the seconds of both: read, prepare, network, restore, store; then source,
report, validate, write.
"""

from __future__ import annotations

import platform
from collections.abc import Mapping, Sequence
from hashlib import sha256
from importlib.metadata import version
from typing import Any

import torch
from pydicom.dataset import Dataset

from inference.engine.progress import Stages
from inference.engine.segmenter import LoadedModel, run
from inference.manifest import Manifest
from inference.protocol import BlobRef, Outcome, ResultBlob, SeriesRef, TaskSpec
from inference.report import build_report
from inference.volume import LabelMap, Volume, assemble, decode_label_map, encode_label_map, read_series
from storage.base.errors import InputError, TransientError
from storage.blobs import Blobs

FILE_NAMES = {"seg": "seg.dcm", "sr": "sr.dcm", "overlay": "overlay.png", "text": "report.txt", "json": "report.json"}


def infer(task: TaskSpec, loaded: LoadedModel, blobs: Blobs, stages: Stages) -> Outcome:
    """Read the input Series, run the network, write the label map on the source grid."""
    datasets = _read_inputs("read", task, loaded, blobs, stages)
    label_map = segment(loaded, datasets, stages)
    stages("store", 0.0)
    blob = _put(blobs, f"{task.output_prefix}/label-map.npz", encode_label_map(label_map))
    return _ok(task, loaded, stages, label_map=blob)


def report(task: TaskSpec, loaded: LoadedModel, blobs: Blobs, stages: Stages) -> Outcome:
    """Read the label map and its source, write SEG, SR and what people look at."""
    datasets = _read_inputs("source", task, loaded, blobs, stages)
    label_map = decode_label_map(_get_label_map(task, blobs))
    stages("report", 0.0)
    source = datasets[loaded.manifest.inputs[0].name]
    objects, measurements = build_report(source, label_map, loaded.manifest, loaded.digest, task)
    stages("write", 0.0)
    results = tuple(
        ResultBlob(
            role=item.role,
            blob=_put(blobs, f"{task.output_prefix}/{FILE_NAMES[item.role]}", item.payload),
            sop_class_uid=item.sop_class_uid,
            sop_instance_uid=item.sop_instance_uid,
            series_instance_uid=item.series_instance_uid,
        )
        for item in objects
    )
    return _ok(task, loaded, stages, results=results, measurements=tuple(measurements))


def segment(loaded: LoadedModel, datasets: Mapping[str, Sequence[Dataset]], stages: Stages) -> LabelMap:
    """Run the model on its named inputs; the label map lies on the grid of the manifest's first input.

    Raises
    ------
    InputError
        A Series can't be read faithfully, or is of a modality that the model does not take.
    ModelError
        The output breaks the manifest.
    """
    stages("prepare", 0.0)
    volumes: dict[str, Volume] = {}
    for wanted in loaded.manifest.inputs:
        volume = assemble(datasets[wanted.name], spatial_dims=wanted.spatial_dims, minimum_slices=wanted.minimum_slices)
        if volume.modality not in wanted.modality:
            needed = " or ".join(wanted.modality)
            raise InputError(f"{loaded.manifest.name} needs {needed}, not {volume.modality}", code="modality")
        _check_unit(volume, loaded.manifest)
        volumes[wanted.name] = volume
    labels_kji = run(loaded, volumes, stages)
    return LabelMap.on(volumes[loaded.manifest.inputs[0].name], labels_kji)


def _check_unit(volume: Volume, manifest: Manifest) -> None:
    """A window is in the volume's unit: a CT whose values aren't HU would be cut at the wrong places without a word."""
    if volume.modality == "CT" and manifest.intensity.kind == "window" and volume.unit != "HU":
        text = f"{manifest.name} reads CT in HU and the series states another Rescale Type; send one in Hounsfield units"
        raise InputError(text, code="not-in-hu")


def environment(loaded: LoadedModel) -> dict[str, str]:
    """What a result was computed with, for whoever wants to compute it again."""
    return {
        "host": platform.node(),
        "python": platform.python_version(),
        "wetread": version("wetread"),
        "torch": torch.__version__,
        "device": str(next(loaded.network.parameters()).device),
        "threads": str(torch.get_num_threads()),
    }


def _read_inputs(stage: str, task: TaskSpec, loaded: LoadedModel, blobs: Blobs, stages: Stages) -> dict[str, list[Dataset]]:
    read: dict[str, list[Dataset]] = {}
    for number, wanted in enumerate(loaded.manifest.inputs):
        stages(stage, number / len(loaded.manifest.inputs))
        read[wanted.name] = read_series(blobs, _reference(task, wanted.name))
    stages(stage, 1.0)
    return read


def _reference(task: TaskSpec, name: str) -> SeriesRef:
    if name not in task.inputs:
        raise InputError(f"the model's input {name} was not given a Series; mend the rule", code="input-missing")
    return task.inputs[name]


def _get_label_map(task: TaskSpec, blobs: Blobs) -> bytes:
    if task.label_map is None:
        raise TransientError("the report was asked for without a label map", code="label-map-missing")
    payload = blobs.get(task.label_map.key)
    if sha256(payload).hexdigest() != task.label_map.sha256:
        raise TransientError("the stored label map is not the one that was written", code="label-map-changed")
    return payload


def _put(blobs: Blobs, key: str, payload: bytes) -> BlobRef:
    info = blobs.put(key, payload)
    return BlobRef(key=key, sha256=info.sha256, size_bytes=info.size_bytes)


def _ok(
    task: TaskSpec,
    loaded: LoadedModel,
    stages: Stages,
    *,
    label_map: BlobRef | None = None,
    results: tuple[ResultBlob, ...] = (),
    measurements: tuple[dict[str, Any], ...] = (),
) -> Outcome:
    return Outcome(
        job_id=task.job_id,
        attempt=task.attempt,
        kind=task.kind,
        status="ok",
        label_map=label_map,
        results=results,
        measurements=measurements,
        timings_s=stages.timings_s,
        environment=environment(loaded),
    )

"""The two tasks of a job: infer makes the prediction, report makes the objects. Blobs in, blobs out, never the database.

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

from inference.engine.inputs import volumes_of
from inference.engine.package import LoadedModel
from inference.engine.predict import Prediction, predict
from inference.engine.progress import Stages
from inference.engine.stored import decode, encode
from inference.manifest import Input
from inference.protocol import BlobRef, Outcome, ResultBlob, TaskSpec
from inference.report import build_report
from inference.volume import read_headers, read_series
from storage.base.errors import InputError, TransientError
from storage.blobs import Blobs

FILE_NAMES = {"seg": "seg.dcm", "sr": "sr.dcm", "overlay": "overlay.png", "text": "report.txt", "json": "report.json"}


def infer(task: TaskSpec, loaded: LoadedModel, blobs: Blobs, stages: Stages) -> Outcome:
    """Read the input Series, run the networks, write what they found."""
    datasets = _read_inputs("read", task, loaded.manifest.inputs, blobs, stages)
    found = predict_series(loaded, datasets, stages)
    stages("store", 0.0)
    name, payload = encode(found)
    return _ok(task, loaded, stages, prediction=_put(blobs, f"{task.output_prefix}/{name}", payload))


def report(task: TaskSpec, loaded: LoadedModel, blobs: Blobs, stages: Stages) -> Outcome:
    """Read the prediction and its source, write the DICOM results and what people look at."""
    reference = loaded.manifest.reference_input
    source = _read_inputs("source", task, [reference], blobs, stages)[reference.name]
    prediction = decode(_get_prediction(task, blobs), loaded.manifest.task)
    given = [read_headers(blobs, task.inputs[i.name]) for i in loaded.manifest.further_inputs if i.name in task.inputs]
    further = [dataset for series in given for dataset in series]
    stages("report", 0.0)
    objects, measurements = build_report(source, prediction, loaded.manifest, loaded.digest, task, further)
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


def predict_series(loaded: LoadedModel, datasets: Mapping[str, Sequence[Dataset]], stages: Stages) -> Prediction:
    """Run the model on its named inputs; what it finds belongs to the manifest's reference.

    Raises
    ------
    InputError
        A Series can't be read faithfully, or is of a modality that the model does not take.
    ModelError
        The output breaks the manifest.
    """
    stages("prepare", 0.0)
    return predict(loaded, volumes_of(loaded.manifest, datasets), stages)


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


def _read_inputs(stage: str, task: TaskSpec, wanted: Sequence[Input], blobs: Blobs, stages: Stages) -> dict[str, list[Dataset]]:
    """The Instances of each input by its name; an optional one that the task doesn't name is left out."""
    read: dict[str, list[Dataset]] = {}
    for number, given in enumerate(wanted):
        stages(stage, number / len(wanted))
        if given.name in task.inputs:
            read[given.name] = read_series(blobs, task.inputs[given.name])
        elif not given.optional:
            raise InputError(f"the model's input {given.name} was not given a Series; mend the rule", code="input-missing")
    stages(stage, 1.0)
    return read


def _get_prediction(task: TaskSpec, blobs: Blobs) -> bytes:
    if task.prediction is None:
        raise TransientError("the report was asked for without a prediction", code="prediction-missing")
    payload = blobs.get(task.prediction.key)
    if sha256(payload).hexdigest() != task.prediction.sha256:
        raise TransientError("the stored prediction is not the one that was written", code="prediction-changed")
    return payload


def _put(blobs: Blobs, key: str, payload: bytes) -> BlobRef:
    info = blobs.put(key, payload)
    return BlobRef(key=key, sha256=info.sha256, size_bytes=info.size_bytes)


def _ok(
    task: TaskSpec,
    loaded: LoadedModel,
    stages: Stages,
    *,
    prediction: BlobRef | None = None,
    results: tuple[ResultBlob, ...] = (),
    measurements: tuple[dict[str, Any], ...] = (),
) -> Outcome:
    return Outcome(
        job_id=task.job_id,
        attempt=task.attempt,
        kind=task.kind,
        status="ok",
        prediction=prediction,
        results=results,
        measurements=measurements,
        timings_s=stages.timings_s,
        environment=environment(loaded),
    )

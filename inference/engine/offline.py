"""One model on a folder or file, without a node: no database, no blobs, the same reading, network and report as in a task."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING, Any

from inference.engine.progress import Stages
from inference.engine.tasks import FILE_NAMES, predict_series
from inference.manifest import Input, Manifest
from inference.protocol import InstanceRef, SeriesRef, TaskSpec
from inference.report import build_report
from inference.volume.read import read_files
from inference.volume.scan import FoundInstance, scan
from storage.base.clock import Clock
from storage.base.errors import InputError

if TYPE_CHECKING:
    from inference.engine.package import LoadedModel

Chosen = dict[str, list[FoundInstance]]


@dataclass(frozen=True)
class Written:
    """One file that a run wrote."""

    role: str
    path: Path
    size_bytes: int


@dataclass(frozen=True)
class Finished:
    """What a run wrote, and its measurements as ``build_report`` gives them, one record a label."""

    written: list[Written]
    measurements: list[dict[str, Any]]


def run_files(loaded: LoadedModel, source: Path, out: Path, wanted: Mapping[str, str], stages: Stages, clock: Clock) -> Finished:
    """Run ``loaded`` on the DICOM files below ``source`` and write its results into ``out``.

    Parameters
    ----------
    wanted : Series Instance UID by input name, for inputs that more than one Series would fit.

    Raises
    ------
    InputError
        No Series or more than one fits an input, or the Series can't be used.
    ModelError
        The output breaks the manifest.
    """
    stages("read", 0.0)
    chosen = choose_series(scan(source).series, loaded.manifest, wanted)
    datasets = {name: read_files([found.path for found in instances]) for name, instances in chosen.items()}
    prediction = predict_series(loaded, datasets, stages)
    stages("report", 0.0)
    first = loaded.manifest.reference_input.name
    task = _task(chosen, loaded, clock)
    further = [dataset for name, series in datasets.items() if name != first for dataset in series]
    objects, measurements = build_report(datasets[first], prediction, loaded.manifest, loaded.digest, task, further)
    stages("store", 0.0)
    out.mkdir(parents=True, exist_ok=True)
    written = []
    for item in objects:
        path = out / FILE_NAMES[item.role]
        path.write_bytes(item.payload)
        written.append(Written(item.role, path, len(item.payload)))
    return Finished(written, measurements)


def choose_series(series: Mapping[str, Sequence[FoundInstance]], manifest: Manifest, wanted: Mapping[str, str]) -> Chosen:
    """The Series of each input: the one asked for, else the only one of the input's modality.

    Beside a reference only Series in its frame of reference fit. An optional input that no Series fits is left out.

    Raises
    ------
    InputError
        Codes ``no-series``, ``many-series`` (naming the candidates' UIDs), ``unknown-series``, ``input-unknown``.
    """
    unknown = sorted(wanted.keys() - {needed.name for needed in manifest.inputs})
    if unknown:
        names = ", ".join(needed.name for needed in manifest.inputs)
        raise InputError(f"{manifest.name} has no input {unknown[0]}; its inputs: {names}", code="input-unknown")
    reference = manifest.reference_input
    first = _choose(series, reference, wanted.get(reference.name))
    assert first is not None  # a reference is never optional
    beside = {uid: found for uid, found in series.items() if uid != first and _frame(found) == _frame(series[first])}
    chosen = {reference.name: first}
    for needed in manifest.further_inputs:
        asked_for = wanted.get(needed.name)
        uid = _choose(series if asked_for else beside, needed, asked_for)
        if uid is not None:
            chosen[needed.name] = uid
    _check_different(chosen)
    return {needed.name: list(series[chosen[needed.name]]) for needed in manifest.inputs if needed.name in chosen}


def _choose(series: Mapping[str, Sequence[FoundInstance]], needed: Input, uid: str | None) -> str | None:
    if uid is not None:
        if uid not in series:
            raise InputError(f"series {uid} is not among the {len(series)} found", code="unknown-series")
        return uid
    fitting = [uid for uid, instances in series.items() if str(instances[0].header.get("Modality", "")) in needed.modality]
    kinds = " or ".join(needed.modality)
    if not fitting:
        if needed.optional:
            return None
        raise InputError(f"no {kinds} series for input {needed.name} among the {len(series)} found", code="no-series")
    if len(fitting) > 1:
        listed = "".join(f"\n  {uid} ({len(series[uid])} instances)" for uid in fitting)
        raise InputError(
            f"{len(fitting)} {kinds} series fit input {needed.name}; choose one by --series {needed.name}=UID:{listed}",
            code="many-series",
        )
    return fitting[0]


def _frame(instances: Sequence[FoundInstance]) -> str:
    return str(instances[0].header.get("FrameOfReferenceUID") or "")


def _check_different(chosen: Mapping[str, str]) -> None:
    first: dict[str, str] = {}
    for name, uid in chosen.items():
        other = first.setdefault(uid, name)
        if other != name:
            raise InputError(
                f"series {uid} would be input {other} and {name}; choose another for one of them by --series NAME=UID",
                code="same-series",
            )


def _task(chosen: Chosen, loaded: LoadedModel, clock: Clock) -> TaskSpec:
    """What the report takes from a task. The time joins the UIDs' entropy: another run makes other objects."""
    created_at = clock.utc().isoformat()
    inputs = {name: _reference(instances) for name, instances in chosen.items()}
    content = "".join(f"{i.sop_instance_uid} {i.sha256}\n" for ref in inputs.values() for i in ref.instances)
    study_uid = str(next(iter(chosen.values()))[0].header.get("StudyInstanceUID", ""))
    return TaskSpec(
        kind="report",
        job_id=0,
        attempt=1,
        model_name=loaded.manifest.name,
        model_digest=loaded.digest,
        study_instance_uid=study_uid,
        inputs=inputs,
        output_prefix="offline",
        created_at=created_at,
        uid_entropy=(study_uid, loaded.digest, sha256(content.encode()).hexdigest(), created_at),
        deadline_s=loaded.manifest.deadline_s,
    )


def _reference(instances: Sequence[FoundInstance]) -> SeriesRef:
    references = [
        InstanceRef(
            sop_instance_uid=str(found.header.SOPInstanceUID), sha256=sha256(found.path.read_bytes()).hexdigest(), blob_key=""
        )
        for found in instances
    ]
    return SeriesRef(
        series_instance_uid=str(instances[0].header.SeriesInstanceUID),
        instances=tuple(sorted(references, key=lambda reference: reference.sop_instance_uid)),
    )

"""A loaded package and what a run found, in words for the command line."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from inference.engine.package import LoadedModel
from inference.manifest import Input, Label, Manifest


def package_summary(loaded: LoadedModel, package: Path) -> dict[str, object]:
    """What somebody who installs the package wants to know; plain JSON values, in the order of reading."""
    manifest = loaded.manifest
    members = manifest.network.members
    return {
        "name": manifest.name,
        "version": manifest.version,
        "title": manifest.title,
        "task": manifest.task,
        "digest": loaded.digest,
        "package": str(package),
        "inputs": [_input(manifest, wanted) for wanted in manifest.inputs],
        "grid": _grid(manifest),
        "labels": [_label(manifest, label) for label in manifest.labels],
        **(
            {"classes": [_label(manifest.of_head("classification"), label) for label in manifest.classes]}
            if manifest.classes
            else {}
        ),
        **({"measures": [measure.name for measure in manifest.measures]} if manifest.measures else {}),
        "network": manifest.network.name,
        "members": len(members),
        "parameters": sum(parameter.numel() for parameter in loaded.network.parameters()),
        "weights": [f"{m.weights} {(package / m.weights).stat().st_size} bytes, SHA-256 {m.sha256}" for m in members],
        "passes": len(members) * 2 ** len(manifest.postprocess.mirror_axes),
        "deadline_s": manifest.deadline_s,
        "clinical_use": manifest.clinical_use,
        "intended_use": manifest.intended_use,
        "licence": manifest.licence,
        "weights_licence": manifest.weights_licence,
        "attribution": manifest.attribution,
    }


def record_line(record: Mapping[str, Any]) -> str:
    """A measurement of ``build_report`` as one line: the label, whether it was found, its numbers."""
    return ", ".join([f"{record['label']}: {'present' if record['present'] else 'absent'}", *_numbers(record)])


def _numbers(record: Mapping[str, Any]) -> Iterator[str]:
    if "probability" in record:
        yield f"probability {record['probability']:g} (present from {record['threshold']:g})"
        return
    if "findings" in record:
        yield f"{len(record['findings'])} found (certainty {100 * record['threshold']:g} % or more)"
        yield from (" ".join([f"{finding['certainty_percent']:g} %", *_sizes(finding)]) for finding in record["findings"])
        return
    yield from _sizes(record)
    for length in record.get("lengths", ()):
        if length["mm"] is not None:
            yield f"{length['name']} {length['mm']:g} mm"


def _sizes(record: Mapping[str, Any]) -> Iterator[str]:
    for key, value in record.items():
        quantity, _, unit = key.rpartition("_")
        if unit in ("mm3", "mm2") and value is not None:
            yield f"{quantity} {value:g} {unit}"


def _input(manifest: Manifest, wanted: Input) -> str:
    slices = f", {wanted.minimum_slices}+ slices" if wanted.spatial_dims == 3 else ""
    colour = ", colour as grey" if wanted.colour == "grey" else ""
    role = ""
    if len(manifest.inputs) > 1:
        role = ", the reference" if wanted is manifest.reference_input else ", optional" if wanted.optional else ", needed"
    return f"{wanted.name}: {' or '.join(wanted.modality)}, {wanted.spatial_dims}-D{slices}{colour}{role}"


def _grid(manifest: Manifest) -> str:
    grid = manifest.grid
    patch = " × ".join(map(str, grid.patch))
    if grid.fit != "spacing":
        return f"{patch}, {grid.fit}"
    spacing = "own spacing" if grid.spacing_mm is None else " × ".join(f"{step:g}" for step in grid.spacing_mm) + " mm"
    return f"{patch}, {spacing}"


def _label(manifest: Manifest, label: Label) -> str:
    """Value and name, and the probability or score from which a classifier or detector calls it present."""
    rules = {"classification": manifest.classification, "detection": manifest.detection}.get(manifest.task)
    return f"{label.value} {label.name}" + (f" from {rules.thresholds[label.value - 1]:g}" if rules else "")

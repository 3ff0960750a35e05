"""A loaded model package and its way from volumes to a label map.

Loading reads ``configs/wetread.json`` and the weights alone; ``configs/inference.json`` is never evaluated. Absent on
purpose: processes, tasks, blobs (the model host's business) and devices other than the CPU.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from inference.manifest import Manifest, package_digest, read_manifest
from inference.networks import build, load_weights
from inference.pipeline import Progress, labels_on_source, prepare, segment, silent
from inference.volume.volume import Volume
from storage.base.errors import InputError, ModelError


@dataclass(frozen=True, eq=False)
class LoadedModel:
    """A package in memory: its manifest, the SHA-256 of its files, its network in evaluation mode."""

    manifest: Manifest
    digest: str
    network: nn.Module


def load_package(package: Path) -> LoadedModel:
    """Load a model package and run its network once on zeros, so that a package that can't run is found here.

    Parameters
    ----------
    package : the package's folder.

    Raises
    ------
    ModelError
        The package is broken; the message names the file and the mend.
    """
    manifest = read_manifest(package)
    _check_supported(manifest, package)
    network = build(manifest.network.name, manifest.network.arguments)
    load_weights(network, _inside(package, manifest.network.weights), manifest.network.weights_sha256)
    network.eval()
    network.to(memory_format=torch.channels_last_3d if len(manifest.grid.patch) == 3 else torch.channels_last)  # type: ignore[call-overload]
    _try_out(network, manifest, package)
    return LoadedModel(manifest, package_digest(package), network)


def run(model: LoadedModel, volumes: Mapping[str, Volume], progress: Progress = silent) -> NDArray[Any]:
    """The label map of one study's inputs.

    Parameters
    ----------
    model : from ``load_package``.
    volumes : by input name of the manifest.
    progress : called with (stage, fraction) for the stages prepare, network, restore; an exception from it stops the run.

    Returns
    -------
    labels_kji
        uint8 (uint16 beyond 255 labels), (K, J, I) on the grid of the input; 0 is background.

    Raises
    ------
    InputError
        A volume is missing or can't be used by this model.
    ModelError
        Code ``output-invalid``: the network yields values that are not numbers.
    """
    name = model.manifest.inputs[0].name
    if name not in volumes:
        raise InputError(f"the model's input {name!r} is missing; name a series for it in the rule", code="input-missing")
    return label_volume(model, volumes[name].voxels_kji, volumes[name].affine_lps_mm, progress)


def label_volume(
    model: LoadedModel, voxels_kji: NDArray[np.float32], affine_lps_mm: NDArray[np.float64], progress: Progress = silent
) -> NDArray[Any]:
    """``run`` for a bare array (K, J, I) and its affine, index (i, j, k, 1) to LPS millimetres; evaluation measures this."""
    progress("prepare", 0.0)
    prepared = prepare(voxels_kji, affine_lps_mm, model.manifest)
    progress("prepare", 1.0)
    scores = segment(model.network, prepared, model.manifest, progress)
    if not bool(torch.isfinite(scores).all()):
        message = "the network yields values that are not numbers on this input; have the model checked"
        raise ModelError(message, code="output-invalid")
    labels = labels_on_source(scores, prepared, model.manifest, progress)
    if labels.shape != voxels_kji.shape:
        raise ModelError(f"label map {labels.shape} doesn't fit its volume {voxels_kji.shape}", code="output-invalid")
    return labels


def _check_supported(manifest: Manifest, package: Path) -> None:
    """Refuse what the manifest may say but this engine can't do."""
    path = package / "configs" / "wetread.json"
    if len(manifest.inputs) != 1:
        raise ModelError(f"{path}: inputs: one input is supported, not {len(manifest.inputs)}", code="manifest-invalid")
    grid, post = manifest.grid, manifest.postprocess
    if grid.spacing_mm is not None and (len(grid.spacing_mm) != len(grid.patch) or min(grid.spacing_mm) <= 0):
        raise ModelError(f"{path}: grid.spacing_mm: needs one positive number per number of grid.patch", code="manifest-invalid")
    if min(grid.patch) < 1 or any(size % grid.minimum_multiple for size in grid.patch):
        raise ModelError(f"{path}: grid.patch: must be multiples of grid.minimum_multiple", code="manifest-invalid")
    if len(set(post.mirror_axes)) < len(post.mirror_axes) or any(not 0 <= axis < len(grid.patch) for axis in post.mirror_axes):
        raise ModelError(f"{path}: postprocess.mirror_axes: needs different axes of the grid, from 0", code="manifest-invalid")
    if set(post.keep_largest) - {label.value for label in manifest.labels}:
        raise ModelError(f"{path}: postprocess.keep_largest: names a value that is no label", code="manifest-invalid")
    if manifest.intensity.upper <= manifest.intensity.lower:
        raise ModelError(f"{path}: intensity.upper: must be above intensity.lower", code="manifest-invalid")


def _inside(package: Path, name: str) -> Path:
    """The weights' path, refused where it leads out of ``models/``, which the digest covers."""
    path = package / name
    if not path.resolve().is_relative_to((package / "models").resolve()):
        message = f"{package / 'configs' / 'wetread.json'}: network.weights: must lie in models/"
        raise ModelError(message, code="manifest-invalid")
    return path


def _try_out(network: nn.Module, manifest: Manifest, package: Path) -> None:
    """One window of zeros: finds a network that doesn't fit the manifest, and warms up."""
    path = package / "configs" / "wetread.json"
    size = tuple(manifest.grid.patch)
    try:
        with torch.inference_mode():
            scores = network(torch.zeros((1, 1, *size)))
    except RuntimeError as error:
        raise ModelError(f"{path}: the network can't run on grid.patch {size}; correct either", code="network-invalid") from error
    expected = (1, 1 + len(manifest.labels), *size)
    if tuple(scores.shape) != expected:
        message = f"{path}: the network yields {tuple(scores.shape)}, labels and grid.patch need {expected}; correct either"
        raise ModelError(message, code="network-invalid")

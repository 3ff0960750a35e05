"""A package made ready to run: threads set, loaded, warmed up, and seen to yield what its manifest declares."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import torch

from inference.engine.segmenter import load_package, run
from inference.manifest import Input, Manifest
from inference.volume import SliceRef, Volume
from storage.base.errors import ModelError

if TYPE_CHECKING:
    import numpy.typing as npt

    from inference.engine.segmenter import LoadedModel


def load_warm(package: Path, threads: int) -> LoadedModel:
    """Load ``package`` and send one empty patch through its network.

    Parameters
    ----------
    threads : how many cores one operation of the network may use.

    Raises
    ------
    ModelError
        The package can't be read, breaks its manifest, or yields other classes than it declares.
    """
    torch.set_num_threads(threads)
    loaded = load_package(package)
    _warm_up(loaded)
    return loaded


def _warm_up(loaded: LoadedModel) -> None:
    manifest = loaded.manifest
    device = next(loaded.network.parameters()).device
    patch = torch.zeros((1, len(manifest.inputs), *manifest.grid.patch), device=device)
    with torch.inference_mode():
        logits = loaded.network(patch)
    expected = (1, len(manifest.labels) + 1, *manifest.grid.patch)
    if tuple(logits.shape) != expected:
        raise ModelError(
            f"{manifest.name}: the network yields {tuple(logits.shape)} where its manifest means {expected}",
            code="network-output",
        )


def check_labels(labels_kji: npt.NDArray[np.integer], shape_kji: tuple[int, ...], manifest: Manifest) -> None:
    """Refuse a label map that does not lie on the source grid or holds a label that the manifest doesn't declare.

    Raises
    ------
    ModelError
        Code ``output-grid`` or ``output-labels``.
    """
    if labels_kji.shape != shape_kji:
        raise ModelError(f"{manifest.name}: labels {labels_kji.shape} do not fit the source {shape_kji}", code="output-grid")
    if labels_kji.dtype not in (np.uint8, np.uint16):
        raise ModelError(f"{manifest.name}: labels of type {labels_kji.dtype}", code="output-labels")
    highest = int(labels_kji.max(initial=0))
    if highest > len(manifest.labels):
        raise ModelError(f"{manifest.name}: label {highest} is not declared", code="output-labels")


def dry_run(loaded: LoadedModel) -> None:
    """Run the whole model once on made-up voxels.

    Raises
    ------
    ModelError
        What it yields breaks its manifest.
    """
    volumes = {wanted.name: _synthetic(loaded.manifest, wanted) for wanted in loaded.manifest.inputs}
    labels_kji = run(loaded, volumes, lambda stage, fraction: None)
    target = volumes[loaded.manifest.inputs[0].name]
    check_labels(labels_kji, target.voxels_kji.shape, loaded.manifest)


def _synthetic(manifest: Manifest, wanted: Input) -> Volume:
    """Noise over a gradient at the model's own spacing, the size of one patch and a bit."""
    depth = max(wanted.minimum_slices, manifest.grid.patch[0] + 1) if wanted.spatial_dims == 3 else 1
    rows, columns = (size + 1 for size in manifest.grid.patch[-2:])
    noise = np.random.default_rng(0).normal(0.0, 20.0, (depth, rows, columns))
    voxels = (noise + np.linspace(-200.0, 200.0, columns)).astype(np.float32)
    spacing_mm = manifest.grid.spacing_mm or (1.0,) * wanted.spatial_dims
    step_kji = (1.0, *spacing_mm) if wanted.spatial_dims == 2 else spacing_mm
    return Volume(
        voxels_kji=voxels,
        affine_lps_mm=np.diag([*reversed(step_kji), 1.0]),
        slices=tuple(SliceRef(f"2.25.{number + 1}", "1.2.840.10008.5.1.4.1.1.7") for number in range(depth)),
        frame_of_reference_uid="2.25.1",
        modality=wanted.modality[0],
        unit="HU" if wanted.modality[0] == "CT" else "",
        positioned=wanted.spatial_dims == 3,
    )

"""A package made ready to run, and tried out on made-up voxels."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch

from inference.engine.package import LoadedModel, load_package
from inference.engine.predict import predict
from inference.manifest import Input, Manifest
from inference.volume import SliceRef, Volume


def load_ready(package: Path, threads: int) -> LoadedModel:
    """Load ``package`` for ``threads`` cores.

    Raises
    ------
    ModelError
        The package is broken.
    """
    torch.set_num_threads(threads)
    return load_package(package)


def dry_run(loaded: LoadedModel) -> None:
    """Run the whole model once on made-up voxels, and where inputs are optional once more without those.

    Raises
    ------
    ModelError
        What it yields breaks its manifest.
    """
    inputs = loaded.manifest.inputs
    predict(loaded, {wanted.name: _synthetic(loaded.manifest, wanted) for wanted in inputs})
    needed = [wanted for wanted in inputs if not wanted.optional]
    if len(needed) < len(inputs):
        predict(loaded, {wanted.name: _synthetic(loaded.manifest, wanted) for wanted in needed})


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

"""From the Instances of each input Series to the Volumes that a model takes, as far as its manifest lets them be read."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from pydicom.dataset import Dataset

from inference.manifest import Manifest
from inference.volume import Scale, Volume, assemble
from storage.base.errors import InputError


def volumes_of(manifest: Manifest, datasets: Mapping[str, Sequence[Dataset]]) -> dict[str, Volume]:
    """The volume of each input, by its name.

    Raises
    ------
    InputError
        A Series can't be read faithfully, or is of a modality or unit that the model does not take.
    """
    volumes: dict[str, Volume] = {}
    for wanted in manifest.inputs:
        volume = assemble(
            datasets[wanted.name],
            spatial_dims=wanted.spatial_dims,
            minimum_slices=wanted.minimum_slices,
            scale=needed_scale(manifest),
            colour=wanted.colour,
        )
        if volume.modality not in wanted.modality:
            needed = " or ".join(wanted.modality)
            raise InputError(f"{manifest.name} needs {needed}, not {volume.modality}", code="modality")
        _check_unit(volume, manifest)
        volumes[wanted.name] = volume
    return volumes


def needed_scale(manifest: Manifest) -> Scale:
    """The least that a single image must say of its pixels' size.

    Nothing where the model's grid doesn't go by it; the report then states no sizes (``inference.report``). A classifier's image
    may be resampled by the spacing of its detector, since a probability is no size. A mask on a grid in millimetres needs them
    in the patient.
    """
    if manifest.grid.fit != "spacing":
        return "unknown"
    if manifest.task == "segmentation":
        return "patient"
    return "unknown" if manifest.grid.spacing_mm is None else "detector"


def _check_unit(volume: Volume, manifest: Manifest) -> None:
    """A window is in the volume's unit: a CT whose values aren't HU would be cut at the wrong places without a word."""
    if volume.modality == "CT" and manifest.intensity.kind == "window" and volume.unit != "HU":
        text = f"{manifest.name} reads CT in HU and the series states another Rescale Type; send one in Hounsfield units"
        raise InputError(text, code="not-in-hu")

"""From the Instances of each input Series to the Volumes that a model takes, as far as its manifest lets them be read."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from pydicom.dataset import Dataset

from inference.manifest import Input, Intensity, Manifest
from inference.pipeline import about_input
from inference.volume import Scale, Volume, assemble
from storage.base.errors import InputError


def volumes_of(manifest: Manifest, datasets: Mapping[str, Sequence[Dataset]]) -> dict[str, Volume]:
    """The volume of each input that is given, by its name; a missing one that isn't optional is the pipeline's to refuse.

    Raises
    ------
    InputError
        A Series can't be read faithfully, or is of a modality or unit that the model does not take. ``frame-of-reference``: two
        inputs state no common one, so nobody knows how they lie to each other.
    """
    volumes: dict[str, Volume] = {}
    for wanted in manifest.inputs:
        if wanted.name in datasets:
            with about_input(manifest, wanted):
                volumes[wanted.name] = _volume(manifest, wanted, datasets[wanted.name])
    _check_frames_of_reference(manifest, volumes)
    return volumes


def _volume(manifest: Manifest, wanted: Input, datasets: Sequence[Dataset]) -> Volume:
    volume = assemble(
        datasets,
        spatial_dims=wanted.spatial_dims,
        minimum_slices=wanted.minimum_slices,
        scale=needed_scale(manifest),
        colour=wanted.colour,
    )
    if volume.modality not in wanted.modality:
        needed = " or ".join(wanted.modality)
        raise InputError(f"{manifest.name} needs {needed}, not {volume.modality}", code="modality")
    _check_unit(volume, manifest, manifest.intensity_of(wanted))
    return volume


def _check_frames_of_reference(manifest: Manifest, volumes: Mapping[str, Volume]) -> None:
    """Positions compare within one frame of reference alone (PS3.3 C.7.4.1)."""
    name = manifest.reference_input.name
    for other, volume in volumes.items():
        if other != name and name in volumes and _apart(volume, volumes[name]):
            raise InputError(
                f"inputs {name} and {other} state no common FrameOfReferenceUID, so their positions can't be compared; "
                "send series of one examination, or registered ones",
                code="frame-of-reference",
            )


def _apart(one: Volume, other: Volume) -> bool:
    return not one.frame_of_reference_uid or one.frame_of_reference_uid != other.frame_of_reference_uid


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


def _check_unit(volume: Volume, manifest: Manifest, intensity: Intensity) -> None:
    """A window is in the volume's unit: values in another one would be cut at the wrong places without a word."""
    if intensity.kind != "window":
        return
    if volume.modality == "CT" and volume.unit != "HU":
        text = f"{manifest.name} reads CT in HU and the series states another Rescale Type; send one in Hounsfield units"
        raise InputError(text, code="not-in-hu")
    if volume.modality == "PT" and volume.unit != "SUV":
        text = f"{manifest.name} reads PET in SUV by body weight and the series states other Units; send one whose Units are GML"
        raise InputError(text, code="not-in-suv")

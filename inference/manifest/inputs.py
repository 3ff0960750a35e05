"""What the inputs of a manifest may be wrong about together: names, the reference, what several need, how each is scaled."""

from __future__ import annotations

import re
from collections.abc import Sequence

from inference.manifest.parts import Input, Intensity

_NAME = re.compile(r"[A-Za-z][A-Za-z0-9_-]{0,39}")


def check_inputs(inputs: Sequence[Input], reference: str | None, task: str) -> None:
    """Refuse inputs that don't fit together.

    Parameters
    ----------
    reference : name of the input on whose grid the result lies; None for the first.

    Raises
    ------
    ValueError
        Naming key, fault and mend.
    """
    _check_names([given.name for given in inputs], reference)
    if any(given.optional and given.name == (reference or inputs[0].name) for given in inputs):
        raise ValueError("inputs: the reference, on whose grid the result lies, can't be optional; name another in `reference`")
    if len(inputs) > 1:
        _check_several(inputs, task)


def _check_names(names: list[str], reference: str | None) -> None:
    if len(set(names)) < len(names):
        raise ValueError("inputs: two have one name; give each its own")
    if reference is not None and reference not in names:
        raise ValueError(f"reference: no input is named {reference}; take one of: {', '.join(names)}")


def _check_several(inputs: Sequence[Input], task: str) -> None:
    """Several Series meet in the patient, so each must have a place there; rules name each by a word."""
    if task != "segmentation":
        raise ValueError(f"inputs: a {task} takes one input; only a segmentation takes several")
    if any(given.spatial_dims == 2 for given in inputs):
        raise ValueError("inputs: several must be volumes (spatial_dims 3), since single images share no grid in the patient")
    for given in inputs:
        if not _NAME.fullmatch(given.name):
            raise ValueError("inputs: where there are several, a name is at most 40 letters, digits, - and _, a letter first")


def check_intensities(intensity: Intensity, inputs: Sequence[Input]) -> None:
    """Refuse a rule that no image could be scaled by: the manifest's, or an input's own.

    Raises
    ------
    ValueError
        Naming key and fault.
    """
    _check_intensity("intensity", intensity)
    for number, given in enumerate(inputs):
        if given.intensity is not None:
            _check_intensity(f"inputs.{number}.intensity", given.intensity)


def _check_intensity(key: str, intensity: Intensity) -> None:
    if intensity.upper <= intensity.lower:
        raise ValueError(f"{key}.upper: must be above {key.rpartition('.')[2]}.lower")
    if intensity.kind == "zscore" and not 0 <= intensity.lower < intensity.upper <= 100:
        raise ValueError(f"{key}: lower and upper of a zscore are percentiles, from 0 to 100")

"""The manifest as a whole, and the checks that need more than one of its parts."""

from __future__ import annotations

from math import prod
from typing import Any, Literal

from pydantic import Field, field_validator, model_validator

from inference.manifest.heads import check_heads, heads_of
from inference.manifest.inputs import check_inputs, check_intensities
from inference.manifest.parts import (
    Classification,
    Code,
    Detection,
    Grid,
    Input,
    Intensity,
    Label,
    Measure,
    Network,
    Part,
    Postprocess,
    Text,
)
from inference.manifest.tasks import Task, check_masks, check_rules

MOST_PATCH_VOXELS = 2**27
"""512 voxels cubed: half a gigabyte for the input of one window alone."""

MOST_INPUTS = 16
"""Series of one study that a model may take."""

_LEAST_MM, _GREATEST_MM = 1e-3, 1e3


class Manifest(Part):
    """What a package is, needs and yields. Units: millimetres, seconds, bytes.

    A segmenter and a classifier yield 1 + len(labels) channels, background or "none of the labels" first; a detector yields boxes
    of labels from 1 to len(labels). The input of a network has one channel an input, in their order, all on the grid of
    ``reference``: the name of an input, the first where none is named. Of several tasks at once ``labels`` are what masks and
    boxes show, and ``classes`` what the image as a whole may be.
    """

    format: Literal[1] = 1
    name: str = Field(pattern=r"^[a-z0-9][a-z0-9-]{0,39}$")
    version: str = Field(pattern=r"^\d+\.\d+\.\d+$")
    title: str = Field(max_length=40)
    task: Task
    intended_use: str
    clinical_use: bool = False
    licence: str
    weights_licence: str
    attribution: str = ""
    manufacturer: Text = Field(default="Wetread", max_length=64)
    family: Code
    inputs: tuple[Input, ...] = Field(min_length=1, max_length=MOST_INPUTS)
    reference: Text | None = None
    grid: Grid
    intensity: Intensity
    network: Network
    labels: tuple[Label, ...] = Field(min_length=1)
    classes: tuple[Label, ...] = ()
    postprocess: Postprocess = Postprocess()
    classification: Classification | None = None
    detection: Detection | None = None
    measures: tuple[Measure, ...] = ()
    deadline_s: float = Field(default=600.0, gt=0, le=7 * 86_400)

    @property
    def reference_input(self) -> Input:
        """The input on whose grid the result lies."""
        return next((given for given in self.inputs if given.name == self.reference), self.inputs[0])

    @property
    def further_inputs(self) -> tuple[Input, ...]:
        """Every input but the reference, in order."""
        reference = self.reference_input
        return tuple(given for given in self.inputs if given is not reference)

    def intensity_of(self, given: Input) -> Intensity:
        """An input's own intensity rule, else the manifest's."""
        return given.intensity or self.intensity

    @property
    def heads(self) -> tuple[str, ...]:
        """The tasks that the network answers: the manifest's own, or those of several at once."""
        return heads_of(self.network.arguments) if self.task == "multitask" else (self.task,)

    def of_head(self, head: str) -> Manifest:
        """The manifest of a package that answers ``head`` alone, of the same name, grid and network; not validated again."""
        if self.task != "multitask":
            return self
        alone: dict[str, Any] = {"task": head, "classes": (), "detection": self.detection if head == "detection" else None}
        if head == "classification":
            keep = self.postprocess.model_copy(update={"keep_largest": ()})
            return self.model_copy(update={**alone, "labels": self.classes, "measures": (), "postprocess": keep})
        return self.model_copy(update={**alone, "classification": None})

    @field_validator("licence", "weights_licence")
    @classmethod
    def _stated(cls, value: str) -> str:
        if not value.strip():
            raise ValueError("is blank; state the terms, such as CC-BY-4.0")
        return value

    @model_validator(mode="after")
    def _consistent(self) -> Manifest:
        _check_labels("labels", self.labels)
        _check_labels("classes", self.classes)
        if {label.name for label in self.labels} & {label.name for label in self.classes}:
            raise ValueError("classes: one has the name of a label; reports and figures go by it, so give each its own")
        dims = {i.spatial_dims for i in self.inputs}
        if dims != {len(self.grid.patch)}:
            raise ValueError(
                "grid.patch: needs one number per spatial dimension of the inputs (their spatial_dims, 3 where not stated)"
            )
        check_inputs(self.inputs, self.reference, self.task)
        check_intensities(self.intensity, self.inputs)
        _check_grid(self)
        _check_flat(self)
        _check_task(self)
        _check_members(self.network)
        return self


def _check_labels(key: str, labels: tuple[Label, ...]) -> None:
    if [label.value for label in labels] != list(range(1, len(labels) + 1)):
        raise ValueError(f"{key}: values must count 1, 2, 3 … in order")
    if len({label.name for label in labels}) < len(labels):
        raise ValueError(f"{key}: two have one name; reports and figures go by it, so give each its own")


def _check_grid(manifest: Manifest) -> None:
    """Numbers that no image could be brought to."""
    grid, post = manifest.grid, manifest.postprocess
    steps_mm = grid.spacing_mm
    if steps_mm is not None and (len(steps_mm) != len(grid.patch) or min(steps_mm) <= 0):
        raise ValueError("grid.spacing_mm: needs one positive number per number of grid.patch")
    if steps_mm is not None and not all(_LEAST_MM <= step <= _GREATEST_MM for step in steps_mm):
        raise ValueError(f"grid.spacing_mm: must lie from {_LEAST_MM:g} to {_GREATEST_MM:g}")
    if min(grid.patch) < 1 or any(size % grid.minimum_multiple for size in grid.patch):
        raise ValueError("grid.patch: must be multiples of grid.minimum_multiple")
    if prod(grid.patch) > MOST_PATCH_VOXELS:
        raise ValueError(f"grid.patch: holds more than {MOST_PATCH_VOXELS} voxels; take a smaller one")
    if len(set(post.mirror_axes)) < len(post.mirror_axes) or any(not 0 <= axis < len(grid.patch) for axis in post.mirror_axes):
        raise ValueError("postprocess.mirror_axes: needs different axes of the grid, from 0")
    if set(post.keep_largest) - {label.value for label in manifest.labels}:
        raise ValueError("postprocess.keep_largest: names a value that is no label")


def _check_flat(manifest: Manifest) -> None:
    """What only 2-D images can be asked for."""
    if manifest.grid.fit != "spacing" and manifest.grid.spacing_mm is not None:
        raise ValueError(f"grid.spacing_mm: must be null where grid.fit is {manifest.grid.fit}")
    if len(manifest.grid.patch) == 2:
        return
    if manifest.grid.fit != "spacing":
        raise ValueError(f"grid.fit: {manifest.grid.fit} takes 2-D images; a volume needs spacing")
    if any(wanted.colour != "refuse" for wanted in manifest.inputs):
        raise ValueError("inputs: colour is read in 2-D images alone; take refuse for a volume")
    if manifest.measures:
        raise ValueError("measures: are taken from 2-D images alone")


def _check_task(manifest: Manifest) -> None:
    """Each task has the keys it needs and none of the other's."""
    if manifest.task == "multitask":
        check_heads(manifest.network.arguments, len(manifest.labels), len(manifest.classes))
        if manifest.grid.fit == "spacing" or len(manifest.grid.patch) != 2:
            raise ValueError("grid.fit: several tasks at once see one image whole; take 2-D images with stretch, crop or pad")
    elif manifest.classes:
        raise ValueError("classes: are for several tasks at once; name what a single task finds in labels")
    count = len(manifest.labels)
    counts = {"classification": len(manifest.classes or manifest.labels), "detection": count}
    rules = {"classification": manifest.classification, "detection": manifest.detection}
    check_rules(manifest.task, manifest.heads, rules, counts)
    check_masks(manifest.heads, manifest.measures, manifest.postprocess, count)


def _check_members(network: Network) -> None:
    """A member that stands twice would only count twice."""
    for what, given in (("weights", [m.weights for m in network.members]), ("sha256", [m.sha256 for m in network.members])):
        if len(set(given)) < len(given):
            raise ValueError(f"network.more_weights: two members have the same {what}; name each once")

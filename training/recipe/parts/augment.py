"""Ranges that augmentation draws from, uniformly unless said otherwise. Lengths in voxels of the model's grid."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import AfterValidator, Field, model_validator

from training.recipe.base import Part


def _rising(limits: tuple[float, float]) -> tuple[float, float]:
    if limits[0] > limits[1]:
        raise ValueError(f"the range {list(limits)} must run upwards")
    return limits


def _positive(limits: tuple[float, float]) -> tuple[float, float]:
    if limits[0] <= 0:
        raise ValueError(f"the range {list(limits)} must be above 0")
    return limits


Range = Annotated[tuple[float, float], AfterValidator(_rising)]
Factors = Annotated[Range, AfterValidator(_positive)]
Share = Annotated[float, Field(ge=0, le=1)]

Change = Literal[
    "mirror",
    "rotate",
    "scale",
    "crop",
    "elastic",
    "gamma",
    "contrast",
    "brightness",
    "hue",
    "saturation",
    "gain",
    "noise",
    "speckle",
]
"""Changes that ``probability`` may make rarer."""

Outside = Literal["zero", "darkest", "edge"]


class Lesions(Part):
    """Synthetic lesions: blobs with a soft rim, added to the image and written into the target with the value ``label``.

    ``probability``: of an image getting any. ``count``: how many. ``radius_voxels``, ``contrast``: of each; contrast in units of
    the scaled intensity, negative for dark ones. ``rim_voxels``: width of the rim. ``irregular``: how far the outline strays, as
    a share of the radius. ``texture``: how uneven it is inside, as a share of the contrast. ``inside``: label values that its
    centre must lie in; empty: anywhere in the patch. In a classification an image of class 0 gets the class ``label``.
    """

    probability: float = Field(gt=0, le=1)
    label: int = Field(ge=1)
    count: tuple[int, int] = (1, 1)
    radius_voxels: Factors = (3.0, 8.0)
    contrast: Range = (0.5, 1.5)
    rim_voxels: float = Field(default=1.5, gt=0)
    irregular: float = Field(default=0.15, ge=0, lt=0.5)
    texture: float = Field(default=0.2, ge=0)
    inside: tuple[int, ...] = ()

    @model_validator(mode="after")
    def _some(self) -> Lesions:
        if not 1 <= self.count[0] <= self.count[1]:
            raise ValueError("count must run upwards from 1 or more")
        return self


class Augment(Part):
    """Everything is off by default; ``mirror_axes`` count the grid's axes from 0 and belong where anatomy allows it.

    Geometry, one interpolation for all of it: ``mirror_axes`` each with even chance; ``rotate_deg`` the largest turn in each
    plane of axes, rigid in millimetres; ``scale`` by axis, or one factor for all with ``scale_alike``; ``crop`` the share of the
    patch's sides that is cut out at random and brought to the patch's size; ``shift_voxels``; ``elastic_voxels`` the largest
    standard deviation at ``elastic_nodes`` nodes along each axis. ``outside``: what lies beyond a case, 0 after scaling (as the
    node pads), its darkest value, or its edge voxels repeated, labels too.

    Intensity: ``gamma``, of the inverted image with chance ``gamma_invert``; ``contrast`` about the mean; ``brightness``;
    ``noise`` the largest standard deviation, ``speckle`` the same as a share of the brightness above the darkest voxel;
    ``coarsen`` the chance to look as if taken with voxels ``coarsen_factor`` times as large; ``cutout`` the largest share of the
    sides of one blank box. Colour images alone: ``hue_deg``, ``saturation``, ``channel_gain``.

    Several inputs: ``drop_inputs``, by the input's name the chance that a sample goes without it; zeros stand there as in the
    node, and a network that takes presence is told. A sample keeps one input at least.

    ``probability``: of a change being made at all, by its name; 1 where it isn't named.
    """

    mirror_axes: tuple[Annotated[int, Field(ge=0, le=2)], ...] = ()
    rotate_deg: float = Field(default=0.0, ge=0, le=180)
    scale: Factors = (1.0, 1.0)
    scale_alike: bool = False
    crop: Factors = (1.0, 1.0)
    shift_voxels: float = Field(default=0.0, ge=0)
    elastic_voxels: float = Field(default=0.0, ge=0)
    elastic_nodes: int = Field(default=4, ge=2)
    outside: Outside = "zero"
    gamma: Factors = (1.0, 1.0)
    gamma_invert: Share = 0.0
    contrast: Factors = (1.0, 1.0)
    brightness: float = Field(default=0.0, ge=0)
    hue_deg: float = Field(default=0.0, ge=0, le=180)
    saturation: Factors = (1.0, 1.0)
    channel_gain: Factors = (1.0, 1.0)
    coarsen: Share = 0.0
    coarsen_factor: Factors = (1.0, 2.0)
    noise: float = Field(default=0.0, ge=0)
    speckle: float = Field(default=0.0, ge=0)
    lesions: Lesions | None = None
    cutout: Share = 0.0
    drop_inputs: dict[str, Share] = Field(default_factory=dict)
    probability: dict[Change, Share] = Field(default_factory=dict)

    @model_validator(mode="after")
    def _within(self) -> Augment:
        if self.crop[1] > 1:
            raise ValueError("crop is a share of the patch: it must not exceed 1")
        if self.coarsen_factor[0] < 1:
            raise ValueError("coarsen_factor enlarges voxels: it must not be below 1")
        return self

    @property
    def needs_colour(self) -> str:
        """The first key in use that needs three channels; empty for none."""
        used = {"hue_deg": self.hue_deg > 0, "saturation": self.saturation != (1, 1), "channel_gain": self.channel_gain != (1, 1)}
        return next((key for key, wanted in used.items() if wanted), "")

    def check(self, dims: int, classes: int) -> None:
        """Whether the rules suit a grid of ``dims`` axes and this many classes, background included.

        Raises
        ------
        ValueError
            Naming the key.
        """
        if len(set(self.mirror_axes)) != len(self.mirror_axes) or any(axis >= dims for axis in self.mirror_axes):
            raise ValueError(f"augment.mirror_axes must be different axes below {dims}, the grid's number of axes")
        if self.lesions is None:
            return
        if max(self.lesions.label, *self.lesions.inside, 0) >= classes:
            raise ValueError(f"augment.lesions: label and inside must be below {classes}, the number of classes")

"""The parts of a manifest. What one part alone can be wrong about is refused here, what needs two parts in ``Manifest``."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field

Share = Annotated[float, Field(gt=0.0, lt=1.0)]
"""A probability that is neither certain nor impossible."""

Text = Annotated[str, Field(pattern=r"^[^\x00-\x20\x7f\\][^\x00-\x1f\x7f\\]*$")]
"""A word or more that may stand in a data set: no control character, and no backslash, which parts values (PS3.5 6.2)."""

MOST_MEMBERS = 64
"""Networks of one package: all of them are held in memory."""


class Part(BaseModel):
    """Frozen, and strict about unknown keys and numbers that are none."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)


class Code(Part):
    """A coded concept (PS3.3 8.1): value, scheme, meaning."""

    value: Text = Field(max_length=16)
    scheme: Text = Field(max_length=16)
    meaning: Text = Field(max_length=64)


class Label(Part):
    """One output class. ``laterality`` only where the label itself states a side; ``site`` is where a finding lies."""

    value: int = Field(ge=1, le=65535)
    name: Text = Field(max_length=64)
    category: Code
    type: Code
    laterality: Literal["left", "right", "both"] | None = None
    site: Code | None = None


class Intensity(Part):
    """Voxel values to network input.

    ``window``: clip to [lower, upper] (units of the volume, HU for CT), scale to 0..1. ``zscore``: clip to the volume's own
    [lower, upper] percentiles (0..100), then subtract its mean and divide by its standard deviation.
    """

    kind: Literal["window", "zscore"]
    lower: float
    upper: float


class Input(Part):
    """A named Series that the model needs; ``spatial_dims`` 2 takes single images, 3 a volume.

    ``colour``: whether colour images are refused, or read as their luma (2-D only). ``intensity``: this input's own, where it
    differs from the manifest's. ``optional``: whether the model runs without it; its channel is zeros then. ``minimum_overlap``:
    the share of the reference's grid that the Series must cover at least; one that covers none of it is refused in any case.
    """

    name: Text = "image"
    modality: tuple[Text, ...] = Field(min_length=1)
    spatial_dims: Literal[2, 3] = 3
    minimum_slices: int = Field(default=1, ge=1, le=4096)
    colour: Literal["refuse", "grey"] = "refuse"
    intensity: Intensity | None = None
    optional: bool = False
    minimum_overlap: float = Field(default=0.01, ge=0.0, le=1.0)


class Grid(Part):
    """The model's grid: LPS-oriented axes (i to the left, j to the posterior, k to the head), millimetres per voxel.

    ``spacing_mm`` and ``patch`` are in (k, j, i) order, (j, i) for 2-D. A null spacing keeps the source's own.

    ``fit`` other than ``spacing`` brings a 2-D image of any size to exactly ``patch``, whatever its pixels measure:
    ``stretch`` each axis by itself; ``crop`` to the patch's aspect about the centre, then resize; ``pad``: resize to fit
    inside, then zeros around it (after the intensities are scaled).
    """

    spacing_mm: tuple[float, ...] | None
    patch: tuple[int, ...]
    overlap: float = Field(default=0.25, ge=0.0, lt=1.0)
    minimum_multiple: int = Field(default=1, ge=1)
    fit: Literal["spacing", "stretch", "crop", "pad"] = "spacing"


class Weights(Part):
    """One more file of weights for the same architecture, below ``models/``, and its SHA-256 (hexadecimal)."""

    weights: str
    sha256: str


class Network(Part):
    """An architecture of ``inference.networks`` by registry name and keyword arguments, and its weights.

    ``more_weights``: further members of an ensemble, whose scores are averaged with those of ``weights``.
    """

    name: str
    arguments: dict[str, Any]
    weights: str = "models/model.safetensors"
    weights_sha256: str
    more_weights: tuple[Weights, ...] = Field(default=(), max_length=MOST_MEMBERS - 1)

    @property
    def members(self) -> tuple[Weights, ...]:
        """Every file of weights with its digest, the first included."""
        return (Weights(weights=self.weights, sha256=self.weights_sha256), *self.more_weights)


class Postprocess(Part):
    """``keep_largest``: label values of which only the largest connected component stays (26-neighbourhood)."""

    keep_largest: tuple[int, ...] = ()
    mirror_axes: tuple[int, ...] = ()


class Classification(Part):
    """How class scores become statements.

    ``temperature`` divides the scores before the softmax (C. Guo et al., On Calibration of Modern Neural Networks, ICML 2017).
    ``thresholds``: one a label, in their order; a label is called present from this probability on, to six decimals.
    """

    temperature: float = Field(default=1.0, ge=0.01, le=100.0)
    thresholds: tuple[Share, ...]


class Detection(Part):
    """How a detector's boxes become statements.

    ``score``: boxes below it are dropped at once. ``thresholds``: one a label, in their order; a box is a finding from this score
    on, to four decimals, and a label without a finding is called absent. ``overlap``: IoU above which a box yields to a surer
    one of its label; windows and members of an ensemble are joined by it too. ``suppression``: ``hard`` drops what yields,
    ``linear`` and ``gaussian`` lower its score (N. Bodla et al., Soft-NMS, ICCV 2017). ``most``: boxes that are kept of an image
    or volume. ``candidates``: boxes of one window that suppression looks at, the surest.
    """

    score: Share = 0.05
    thresholds: tuple[Share, ...]
    overlap: Share = 0.5
    suppression: Literal["hard", "linear", "gaussian"] = "hard"
    most: int = Field(default=100, ge=1, le=1000)
    candidates: int = Field(default=1000, ge=1, le=20_000)


class Measure(Part):
    """A length in millimetres that is taken from the mask of label value ``label`` and reported under ``code``.

    ``ellipse_circumference``: of the ellipse that has the mask's second moments (2-D only).
    """

    label: int = Field(ge=1)
    kind: Literal["ellipse_circumference"]
    name: Text = Field(max_length=64)
    code: Code

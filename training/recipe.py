"""A recipe: one YAML file from which a model package can be made again, value by value.

``package`` is the manifest of the package to be, without the digest of its weights. Nothing in a recipe is code.
"""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path
from typing import Annotated, Any, Literal

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from inference.manifest import Manifest
from storage.base.errors import ConfigError

_UNKNOWN_DIGEST = "0" * 64


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Split(_Part):
    """Inclusive ranges of case numbers. They must not overlap, so that no case is both learnt and tested."""

    train: tuple[int, int]
    validate_: tuple[int, int] = Field(alias="validate")
    test: tuple[int, int]

    @model_validator(mode="after")
    def _apart(self) -> Split:
        ranges = sorted([self.train, self.validate_, self.test])
        if any(first > last for first, last in ranges) or any(a[1] >= b[0] for a, b in pairwise(ranges)):
            raise ValueError("the ranges must run upwards and must not overlap")
        return self


class NiftiData(_Part):
    """Pairs of NIfTI files ``images/NAME`` and ``labels/NAME`` below the folder given by ``--data``.

    ``files`` is a format of the case number, such as ``hippocampus_{case:03d}.nii.gz``. Cases 1 to ``cases_per_person`` are one
    person's, the next as many the next person's; a split that parts a person is refused.
    """

    kind: Literal["nifti"]
    files: str
    cases_per_person: int = Field(default=1, ge=1)
    split: Split
    statement: str

    @model_validator(mode="after")
    def _no_person_parted(self) -> NiftiData:
        for first, last in (self.split.train, self.split.validate_, self.split.test):
            if (first - 1) % self.cases_per_person or last % self.cases_per_person:
                raise ValueError(f"the split parts the cases of one person at {first} or {last}")
        return self


class PhantomData(_Part):
    """Phantoms of our own generator; a case's number is its seed."""

    kind: Literal["phantom"]
    size_kji: tuple[int, int, int]
    spacing_mm_kji: tuple[float, float, float]
    split: Split
    statement: str


class Augment(_Part):
    """Ranges that augmentation draws from, uniformly unless said otherwise. Lengths in voxels of the model's grid."""

    mirror_axes: tuple[int, ...] = ()
    rotate_deg: float = Field(default=0.0, ge=0, le=180)
    scale: tuple[float, float] = (1.0, 1.0)
    shift_voxels: float = Field(default=0.0, ge=0)
    elastic_voxels: float = Field(default=0.0, ge=0)
    elastic_nodes: int = Field(default=4, ge=2)
    gamma: tuple[float, float] = (1.0, 1.0)
    contrast: tuple[float, float] = (1.0, 1.0)
    brightness: float = Field(default=0.0, ge=0)
    noise: float = Field(default=0.0, ge=0)
    coarsen: float = Field(default=0.0, ge=0, le=1)


class Fit(_Part):
    """How the weights are fitted.

    The learning rate warms up, follows half a cosine that would end after ``cosine_steps``, and over the last
    ``cooldown_steps`` of ``steps`` also falls linearly to zero.
    """

    steps: int = Field(ge=1)
    cosine_steps: int = Field(ge=1)
    cooldown_steps: int = Field(default=0, ge=0)
    batch: int = Field(ge=1)
    patch: tuple[int, ...]
    learning_rate: float = Field(gt=0)
    weight_decay: float = Field(default=0.01, ge=0)
    class_weights: tuple[float, ...] = ()
    warmup_steps: int = Field(default=100, ge=0)
    ema_decay: float = Field(default=0.999, ge=0, lt=1)
    validate_every: int = Field(default=500, ge=1)
    checkpoint_every: int = Field(default=100, ge=1)


class Recipe(_Part):
    """Everything that decides the weights: data, split, seed, network, augmentation, schedule."""

    format: Literal[1] = 1
    seed: int = Field(ge=0)
    data: Annotated[NiftiData | PhantomData, Field(discriminator="kind")]
    augment: Augment = Augment()
    fit: Fit
    floor: dict[str, float] = Field(default_factory=dict)
    limits: tuple[str, ...] = ()
    package: dict[str, Any]

    def manifest(self, weights_sha256: str = _UNKNOWN_DIGEST) -> Manifest:
        """The package's manifest with this digest of its weights."""
        network = {**self.package["network"], "weights_sha256": weights_sha256}
        return Manifest.model_validate({**self.package, "network": network})

    @property
    def classes(self) -> int:
        """Output classes, background included."""
        return 1 + len(self.package["labels"])

    @model_validator(mode="after")
    def _manifest_holds(self) -> Recipe:
        if "network" not in self.package:
            raise ValueError("package.network is missing")
        manifest = self.manifest()
        if len(self.fit.patch) != len(manifest.grid.patch):
            raise ValueError("fit.patch needs one number per spatial dimension of package.grid.patch")
        if any(size % manifest.grid.minimum_multiple for size in (*self.fit.patch, *manifest.grid.patch)):
            raise ValueError("fit.patch and package.grid.patch must be multiples of package.grid.minimum_multiple")
        if self.fit.class_weights and len(self.fit.class_weights) != self.classes:
            raise ValueError("fit.class_weights needs one number per label and one for the background, first")
        unknown = self.floor.keys() - {label.name for label in manifest.labels}
        if unknown:
            raise ValueError(f"floor names {sorted(unknown)[0]!r}, which is no label of package.labels")
        return self


def read_recipe(path: Path) -> Recipe:
    """Read and check a recipe.

    Raises
    ------
    ConfigError
        Naming file, key and mend.
    """
    try:
        document = yaml.safe_load(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise ConfigError(
            f"{path}: can't be read ({error.strerror}); name an existing recipe", code="recipe-unreadable"
        ) from error
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise ConfigError(f"{path}: no valid YAML ({error}); correct the syntax", code="recipe-invalid") from error
    try:
        return Recipe.model_validate(document)
    except ValidationError as error:
        first = error.errors()[0]
        key = ".".join(str(part) for part in first["loc"]) or "(whole file)"
        raise ConfigError(f"{path}: {key}: {first['msg']}; correct it", code="recipe-invalid") from error

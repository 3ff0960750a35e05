"""``configs/wetread.json`` of a model package as a typed model, and the package digest.

A package is a folder in MONAI-Bundle layout. Everything the node executes is declared here; ``configs/inference.json`` is
there for MONAI users and is never evaluated by the node, since such configs are programs.
"""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from storage.base.errors import ModelError


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Code(_Part):
    """A coded concept (PS3.3 8.1): value, scheme, meaning."""

    value: str = Field(max_length=16)
    scheme: str = Field(max_length=16)
    meaning: str = Field(max_length=64)


class Label(_Part):
    """One output class. ``laterality`` only where the label itself states a side."""

    value: int = Field(ge=1, le=65535)
    name: str = Field(max_length=64)
    category: Code
    type: Code
    laterality: Literal["left", "right", "both"] | None = None


class Input(_Part):
    """A named Series that the model needs; ``spatial_dims`` 2 takes single images, 3 a volume."""

    name: str = "image"
    modality: tuple[str, ...]
    spatial_dims: Literal[2, 3] = 3
    minimum_slices: int = Field(default=1, ge=1)


class Grid(_Part):
    """The model's grid: LPS-oriented axes (i to the left, j to the posterior, k to the head), millimetres per voxel.

    ``spacing_mm`` and ``patch`` are in (k, j, i) order, (j, i) for 2-D. A null spacing keeps the source's own.
    """

    spacing_mm: tuple[float, ...] | None
    patch: tuple[int, ...]
    overlap: float = Field(default=0.25, ge=0.0, lt=1.0)
    minimum_multiple: int = Field(default=1, ge=1)


class Intensity(_Part):
    """Voxel values to network input.

    ``window``: clip to [lower, upper] (units of the volume, HU for CT), scale to 0..1. ``zscore``: clip to the volume's own
    [lower, upper] percentiles (0..100), then subtract its mean and divide by its standard deviation.
    """

    kind: Literal["window", "zscore"]
    lower: float
    upper: float


class Network(_Part):
    """An architecture of ``inference.networks`` by registry name and keyword arguments, and its weights."""

    name: str
    arguments: dict[str, Any]
    weights: str = "models/model.safetensors"
    weights_sha256: str


class Postprocess(_Part):
    """``keep_largest``: label values of which only the largest connected component stays (26-neighbourhood)."""

    keep_largest: tuple[int, ...] = ()
    mirror_axes: tuple[int, ...] = ()


class Manifest(_Part):
    """What a package is, needs and yields. Units: millimetres, seconds, bytes."""

    format: Literal[1] = 1
    name: str = Field(pattern=r"^[a-z0-9][a-z0-9-]{0,39}$")
    version: str = Field(pattern=r"^\d+\.\d+\.\d+$")
    title: str = Field(max_length=40)
    task: Literal["segmentation"]
    intended_use: str
    clinical_use: bool = False
    licence: str = Field(min_length=1)
    weights_licence: str = Field(min_length=1)
    attribution: str = ""
    manufacturer: str = "Wetread"
    family: Code
    inputs: tuple[Input, ...] = Field(min_length=1)
    grid: Grid
    intensity: Intensity
    network: Network
    labels: tuple[Label, ...] = Field(min_length=1)
    postprocess: Postprocess = Postprocess()
    deadline_s: float = Field(default=600.0, gt=0)

    @model_validator(mode="after")
    def _consistent(self) -> Manifest:
        values = [label.value for label in self.labels]
        if values != list(range(1, len(values) + 1)):
            raise ValueError("labels: values must count 1, 2, 3 … in order")
        dims = {i.spatial_dims for i in self.inputs}
        if dims != {len(self.grid.patch)}:
            raise ValueError("grid.patch: needs one number per spatial dimension of the inputs")
        return self


def read_manifest(package: Path) -> Manifest:
    """Read and check ``configs/wetread.json``.

    Raises
    ------
    ModelError
        Code ``package-unreadable`` or ``manifest-invalid``, naming file and key.
    """
    path = package / "configs" / "wetread.json"
    try:
        return Manifest.model_validate_json(path.read_bytes())
    except OSError as error:
        raise ModelError(f"{path}: can't be read ({error.strerror})", code="package-unreadable") from error
    except ValidationError as error:
        first = error.errors()[0]
        key = ".".join(str(part) for part in first["loc"]) or "(whole file)"
        raise ModelError(f"{path}: {key}: {first['msg']}", code="manifest-invalid") from error


def package_digest(package: Path) -> str:
    """SHA-256 over names and contents of every file under ``configs/`` and ``models/``, in sorted order of names.

    Each file adds its POSIX path relative to the package, its length and its bytes, so that no two packages that differ in a
    name or a byte agree.
    """
    digest = hashlib.sha256()
    files = sorted(p for folder in ("configs", "models") for p in (package / folder).rglob("*") if p.is_file())
    for path in files:
        head = json.dumps([path.relative_to(package).as_posix(), path.stat().st_size])
        digest.update(head.encode() + b"\n")
        with path.open("rb") as stream:
            while chunk := stream.read(1 << 20):
                digest.update(chunk)
    return digest.hexdigest()

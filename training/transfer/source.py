"""Where starting weights come from: a package's folder or a safetensors file, with its digest and the terms it comes under."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path

import torch
from safetensors import SafetensorError
from safetensors.torch import load
from torch import Tensor

from inference.manifest import read_manifest
from storage.base.errors import ConfigError
from training.recipe.parts.further import Transfer


@dataclass(frozen=True)
class Provenance:
    """What the weights that a run started from ask for: their licence (SPDX), who is to be named, and where they come from."""

    licence: str
    attribution: str
    text: str


@dataclass(frozen=True)
class Source:
    """Bytes of starting weights and what is known of them."""

    path: Path
    payload: bytes
    provenance: Provenance

    def tensors(self) -> dict[str, Tensor]:
        """Its tensors, floating ones in single precision.

        Raises
        ------
        ConfigError
            Code ``transfer-invalid``: no safetensors file, or values that are not finite.
        """
        try:
            found = load(self.payload)
        except SafetensorError as error:
            message = f"{self.path}: transfer.weights: no safetensors file ({error}); name a package or a safetensors file"
            raise ConfigError(message, code="transfer-invalid") from error
        single = {key: value.float() if value.is_floating_point() else value for key, value in found.items()}
        broken = [key for key, value in single.items() if not bool(torch.isfinite(value).all())]
        if broken:
            message = f"{self.path}: transfer.weights: tensor {broken[0]} holds values that are not finite; take other weights"
            raise ConfigError(message, code="transfer-invalid")
        return single


def read_source(transfer: Transfer) -> Source:
    """Read the bytes of starting weights and their terms.

    Raises
    ------
    ConfigError
        Code ``transfer-missing``: no such file. ``licence-missing``: a bare file whose licence the recipe doesn't state.
    """
    folder = _package_at(transfer.weights)
    path = Path(transfer.weights) if folder is None else folder / read_manifest(folder).network.weights
    try:
        payload = path.read_bytes()
    except OSError as error:
        message = f"transfer.weights: {path} can't be read ({error.strerror}); name a package or a safetensors file"
        raise ConfigError(message, code="transfer-missing") from error
    digest = hashlib.sha256(payload).hexdigest()
    named = _of_package(folder, digest) if folder is not None else _of_file(path, transfer, digest)
    return Source(path, payload, named)


def _package_at(name: str) -> Path | None:
    """The package's folder: as it is named, or a shipped one; None for a file."""
    path = Path(name)
    if path.is_dir():
        return path
    shipped = Path(str(files("inference"))) / "bundles" / name
    return shipped if path.name == name and shipped.is_dir() else None


def _of_package(folder: Path, digest: str) -> Provenance:
    manifest = read_manifest(folder)
    text = f"package {manifest.name} {manifest.version}, weights SHA-256 {digest}"
    return Provenance(manifest.weights_licence, manifest.attribution.strip(), text)


def _of_file(path: Path, transfer: Transfer, digest: str) -> Provenance:
    if not transfer.licence.strip():
        message = f"transfer.licence: is blank, and {path.name} states none; state the terms of these weights, such as MIT"
        raise ConfigError(message, code="licence-missing")
    return Provenance(transfer.licence, transfer.attribution.strip(), f"file {path.name}, SHA-256 {digest}")

"""A model package in memory: its manifest, digest and networks.

Loading reads ``configs/wetread.json`` and the weights alone; ``configs/inference.json`` is never evaluated. Absent on
purpose: processes, tasks, blobs (the model host's business) and devices other than the CPU.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import torch
from torch import nn

from inference.engine.trial import check_kind, try_out
from inference.manifest import Manifest, package_digest, read_manifest
from inference.networks import build, load_weights
from storage.base.errors import ModelError


@dataclass(frozen=True, eq=False)
class LoadedModel:
    """A package in memory: its manifest, the SHA-256 of its files, its networks in evaluation mode.

    ``networks`` holds one network, or the members of an ensemble in the manifest's order.
    """

    manifest: Manifest
    digest: str
    networks: tuple[nn.Module, ...]

    @property
    def network(self) -> nn.Module:
        """The first network."""
        return self.networks[0]

    def name_of(self, member: int) -> str:
        """How a message names the network ``networks[member]``."""
        return "the network" if len(self.networks) == 1 else f"member {member + 1} of {len(self.networks)} of the ensemble"


def load_package(package: Path) -> LoadedModel:
    """Load a model package and run each of its networks once on zeros, so that a package that can't run is found here.

    Parameters
    ----------
    package : the package's folder.

    Raises
    ------
    ModelError
        The package is broken; the message names the file and the mend.
    """
    manifest = read_manifest(package)
    check_kind(manifest, _document(package))
    paths = [_inside(package, member.weights) for member in manifest.network.members]
    digests = [member.sha256 for member in manifest.network.members]
    networks = tuple(_load(manifest, path, sha256, package) for path, sha256 in zip(paths, digests, strict=True))
    return LoadedModel(manifest, package_digest(package), networks)


def _load(manifest: Manifest, weights: Path, sha256: str, package: Path) -> nn.Module:
    network = build(manifest.network.name, manifest.network.arguments)
    load_weights(network, weights, sha256)
    network.eval()
    network.to(memory_format=torch.channels_last_3d if len(manifest.grid.patch) == 3 else torch.channels_last)  # type: ignore[call-overload]
    try_out(network, manifest, _document(package))
    return network


def _inside(package: Path, name: str) -> Path:
    """The path of weights, refused where it leads out of ``models/``, which the digest covers."""
    path = package / name
    if not path.resolve().is_relative_to((package / "models").resolve()):
        message = f"{_document(package)}: network.weights: must lie in models/, {name} does not"
        raise ModelError(message, code="manifest-invalid")
    return path


def _document(package: Path) -> Path:
    return package / "configs" / "wetread.json"

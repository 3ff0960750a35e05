"""A model package in memory: its manifest, digest and networks.

Loading reads ``configs/wetread.json`` and the weights alone; ``configs/inference.json`` is never evaluated. Absent on
purpose: processes, tasks, blobs (the model host's business) and devices other than the CPU.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import nn

from inference.manifest import Manifest, package_digest, read_manifest
from inference.networks import build, load_weights
from inference.networks.multitask import Outputs
from inference.pipeline.window import asked
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
    paths = [_inside(package, member.weights) for member in manifest.network.members]
    digests = [member.sha256 for member in manifest.network.members]
    networks = tuple(_load(manifest, path, sha256, package) for path, sha256 in zip(paths, digests, strict=True))
    return LoadedModel(manifest, package_digest(package), networks)


def _load(manifest: Manifest, weights: Path, sha256: str, package: Path) -> nn.Module:
    network = build(manifest.network.name, manifest.network.arguments)
    load_weights(network, weights, sha256)
    network.eval()
    network.to(memory_format=torch.channels_last_3d if len(manifest.grid.patch) == 3 else torch.channels_last)  # type: ignore[call-overload]
    _try_out(network, manifest, package)
    return network


def _inside(package: Path, name: str) -> Path:
    """The path of weights, refused where it leads out of ``models/``, which the digest covers."""
    path = package / name
    if not path.resolve().is_relative_to((package / "models").resolve()):
        message = f"{_document(package)}: network.weights: must lie in models/, {name} does not"
        raise ModelError(message, code="manifest-invalid")
    return path


def _try_out(network: nn.Module, manifest: Manifest, package: Path) -> None:
    """One window of zeros: finds a network that doesn't fit the manifest, and warms up."""
    size, count = tuple(manifest.grid.patch), len(manifest.inputs)
    try:
        with torch.inference_mode():
            output: Any = asked(network, torch.ones(count, dtype=torch.bool))(torch.zeros((1, count, *size)))
    except (RuntimeError, ValueError, ModelError) as error:
        message = f"{_document(package)}: the network can't run on {count} input(s) of grid.patch {size}; correct any"
        raise ModelError(message, code="network-invalid") from error
    answers = output.by_task() if isinstance(output, Outputs) else {str(manifest.task): output}
    for head in manifest.heads:
        if head not in answers:
            raise ModelError(f"{_document(package)}: the network has no head for {head}; correct either", code="network-invalid")
        _check_shape(answers[head], manifest.of_head(head), package)


def _check_shape(scores: Any, manifest: Manifest, package: Path) -> None:
    """What a head, or a network of one task, says of one window."""
    size, classes = tuple(manifest.grid.patch), 1 + len(manifest.labels)
    expected = (1, classes, *size) if manifest.task == "segmentation" else (1, classes)
    if tuple(scores.shape) != expected:
        raise ModelError(
            f"{_document(package)}: the network yields {tuple(scores.shape)}, a {manifest.task} with these labels and "
            f"grid.patch needs {expected}; correct either",
            code="network-invalid",
        )


def _document(package: Path) -> Path:
    return package / "configs" / "wetread.json"

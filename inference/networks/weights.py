"""Weights as safetensors: plain tensors, no code. Stored in half or single precision, used in single precision."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load, save
from torch import Tensor, nn

from inference.networks.base import Network
from inference.networks.registry import build
from storage.base.errors import ModelError

_SKIPPED = "num_batches_tracked"


def state(network: nn.Module) -> dict[str, Tensor]:
    """Parameters and buffers that a forward pass in evaluation mode needs."""
    return {key: value for key, value in network.state_dict().items() if not key.endswith(_SKIPPED)}


def save_weights(network: nn.Module, path: Path, dtype: torch.dtype = torch.float16) -> str:
    """Write ``network`` to ``path`` as safetensors of ``dtype`` and return the file's SHA-256 (hexadecimal).

    Raises
    ------
    ModelError
        Code ``weights-invalid`` when a value is not finite in ``dtype``.
    """
    stored = {key: value.detach().to(dtype).contiguous() for key, value in state(network).items()}
    broken = [key for key, value in stored.items() if not bool(torch.isfinite(value).all())]
    if broken:
        precision = "half" if dtype == torch.float16 else "single"
        raise ModelError(
            f"{path}: tensor {broken[0]} is not finite in {precision} precision; train again", code="weights-invalid"
        )
    payload = save(stored)
    path.write_bytes(payload)
    return hashlib.sha256(payload).hexdigest()


def load_weights(network: nn.Module, path: Path, sha256: str) -> None:
    """Read ``path`` into ``network`` (in place, float32) after comparing the file's digest.

    Raises
    ------
    ModelError
        ``package-unreadable``: no such file. ``weights-digest``: the file is not the one the manifest names.
        ``weights-invalid``: no safetensors file, or its tensors don't fit the network. Each names the file and the mend.
    """
    payload = read_bytes(path)
    if hashlib.sha256(payload).hexdigest() != sha256:
        raise ModelError(
            f"{path}: SHA-256 differs from the one under network in configs/wetread.json; install the package again",
            code="weights-digest",
        )
    try:
        tensors = load(payload)
    except SafetensorError as error:
        raise ModelError(f"{path}: no safetensors file ({error}); export the package again", code="weights-invalid") from error
    expected = state(network)
    _check_fit(tensors, expected, path)
    network.load_state_dict({key: value.to(expected[key].dtype) for key, value in tensors.items()}, strict=False)


def load_members(name: str, arguments: Mapping[str, Any], files: Sequence[tuple[Path, str]]) -> tuple[Network, ...]:
    """The members of an ensemble: one architecture, built and loaded once for each (file, SHA-256), in evaluation mode.

    Raises
    ------
    ModelError
        As ``build`` and ``load_weights`` do; the message names the member's file.
    """
    members = tuple(build(name, arguments) for _ in files)
    for member, (path, sha256) in zip(members, files, strict=True):
        load_weights(member, path, sha256)
        member.eval()
    return members


def read_bytes(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        message = f"{path}: can't be read ({error.strerror}); install the package again"
        raise ModelError(message, code="package-unreadable") from error


def _check_fit(tensors: dict[str, Tensor], expected: dict[str, Tensor], path: Path) -> None:
    """Refuse missing, surplus, misshapen and non-finite tensors, naming the first."""
    mend = "network.arguments and the weights belong together: export the package again"
    missing = sorted(expected.keys() - tensors.keys())
    surplus = sorted(tensors.keys() - expected.keys())
    if missing or surplus:
        what = f"tensor {missing[0]} is missing" if missing else f"tensor {surplus[0]} is not part of the network"
        raise ModelError(f"{path}: {what}; {mend}", code="weights-invalid")
    for key, value in tensors.items():
        if value.shape != expected[key].shape:
            what = f"tensor {key} has shape {tuple(value.shape)}, the network needs {tuple(expected[key].shape)}"
            raise ModelError(f"{path}: {what}; {mend}", code="weights-invalid")
        if not bool(torch.isfinite(value).all()):
            raise ModelError(f"{path}: tensor {key} holds values that are not finite; {mend}", code="weights-invalid")

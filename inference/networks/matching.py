"""Starting weights from any safetensors file: what fits by name and shape is taken, the rest stays fresh and is reported.

For fine-tuning: from an own earlier model with other classes, another architecture with the same encoder, or a public file.
Serving never comes here; it wants every tensor and a digest (``load_weights``).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import torch
from safetensors import SafetensorError
from safetensors.torch import load
from torch import Tensor, nn

from inference.networks.weights import read_bytes, state
from storage.base.errors import ModelError

FirstLayer = Literal["fresh", "sum", "repeat"]

_PICKLES = (b"PK\x03\x04", b"\x80")  # torch's archive and its older form


@dataclass(frozen=True)
class Report:
    """What became of each tensor.

    Attributes
    ----------
    loaded : the network's tensors that were taken from the file.
    adapted : those of them that were first brought to another number of input channels.
    skipped_shape : the network's tensors that the file has in another shape; they stay fresh (a head for other classes).
    missing : the network's tensors that the file doesn't have; they stay fresh.
    unused : the file's tensors that the network doesn't have, by their names in the file.
    """

    loaded: tuple[str, ...]
    adapted: tuple[str, ...]
    skipped_shape: tuple[str, ...]
    missing: tuple[str, ...]
    unused: tuple[str, ...]


def load_matching(
    network: nn.Module,
    path: Path,
    *,
    strip: str = "",
    add: str = "",
    names: Mapping[str, str] | None = None,
    first_layer: FirstLayer = "fresh",
) -> Report:
    """Take from ``path`` what fits into ``network`` (in place, in the network's own precision).

    Parameters
    ----------
    path : a safetensors file, whatever its name ends in (brainchop's ``.pth`` mostly are).
    strip : prefix to take off the file's names; names without it are left as they are.
    add : prefix to put before them then, for instance ``encoder.``.
    names : names in the file to names in the network; goes before ``strip`` and ``add``.
    first_layer : where only the number of channels differs in a convolution that sees as many as the first one does. ``fresh``:
        leave it fresh; ``sum``: the sum over the file's channels, shared out evenly, which on a grey image yields what the file's
        own would; ``repeat``: the file's channels in turn, scaled by their number over the network's.

    Raises
    ------
    ModelError
        ``weights-unreadable``: no such file. ``weights-pickle``: a pickle, which can run code when it is read.
        ``weights-invalid``: no safetensors file, or values that aren't finite. ``weights-unmatched``: nothing fits. Each names
        the file and the mend.
    """
    wanted = state(network)
    entrances = _entrances(network)
    fitting: dict[str, Tensor] = {}
    adapted, skipped, unused = set(), set(), []
    for own_name, value in sorted(_tensors(path).items()):
        name = _renamed(own_name, strip, add, names or {})
        if name not in wanted or name in fitting:
            if not own_name.endswith("num_batches_tracked"):
                unused.append(own_name)
            continue
        if name in entrances and first_layer != "fresh" and _differs_in_channels_only(value, wanted[name]):
            value = _with_channels(value, wanted[name].shape[1], first_layer)
            adapted.add(name)
        if value.shape == wanted[name].shape:
            fitting[name] = value
        else:
            skipped.add(name)
    if not fitting:
        raise ModelError(_unmatched(path, wanted, unused, skipped), code="weights-unmatched")
    _check_finite(fitting, path)
    network.load_state_dict({name: value.to(wanted[name].dtype) for name, value in fitting.items()}, strict=False)
    missing = wanted.keys() - fitting.keys() - skipped
    return Report(*(tuple(sorted(group)) for group in (fitting, adapted, skipped - fitting.keys(), missing, unused)))


def _tensors(path: Path) -> dict[str, Tensor]:
    try:
        payload = read_bytes(path)
    except ModelError as error:
        raise ModelError(f"{path}: can't be read; correct the path of the starting weights", code="weights-unreadable") from error
    if payload.startswith(_PICKLES):
        message = f"{path}: a Python pickle, which can run code when it is read; convert it to safetensors where you trust it"
        raise ModelError(message, code="weights-pickle")
    try:
        tensors: dict[str, Tensor] = load(payload)
    except (SafetensorError, ValueError) as error:
        message = f"{path}: no safetensors file ({error}); convert it to safetensors"
        raise ModelError(message, code="weights-invalid") from error
    return tensors


def _renamed(name: str, strip: str, add: str, names: Mapping[str, str]) -> str:
    return names[name] if name in names else add + name.removeprefix(strip)


def _entrances(network: nn.Module) -> set[str]:
    """The convolutions that have as many input channels as the first one."""
    kernels = {name: value.shape[1] for name, value in network.named_parameters() if value.ndim >= 4}
    first = next(iter(kernels.values()), 0)
    return {name for name, channels in kernels.items() if channels == first}


def _differs_in_channels_only(have: Tensor, want: Tensor) -> bool:
    return (
        have.ndim == want.ndim
        and have.shape[1] != want.shape[1]
        and have.shape[:1] + have.shape[2:] == want.shape[:1] + want.shape[2:]
    )


def _with_channels(value: Tensor, channels: int, way: FirstLayer) -> Tensor:
    """A convolution's weights (out, in, ...) for another number of input channels."""
    value = value.to(torch.float32)
    total = value.sum(dim=1, keepdim=True)
    if way == "sum":
        return total.expand(-1, channels, *value.shape[2:]) / channels
    return value[:, torch.arange(channels) % value.shape[1]] * (value.shape[1] / channels)


def _check_finite(tensors: Mapping[str, Tensor], path: Path) -> None:
    for name, value in tensors.items():
        if not bool(torch.isfinite(value.to(torch.float32)).all()):
            message = f"{path}: tensor {name} holds values that are not finite; take another file"
            raise ModelError(message, code="weights-invalid")


def _unmatched(path: Path, wanted: Mapping[str, Tensor], unused: list[str], skipped: set[str]) -> str:
    """Why nothing fits, with a name of each side to compare."""
    if skipped:
        return f"{path}: every tensor has another shape than the network's (first: {min(skipped)}); correct network.arguments"
    there = f"the file has {unused[0]}" if unused else "the file has no tensor"
    return f"{path}: no name fits the network ({there}, the network {next(iter(wanted))}); correct strip, add or names"

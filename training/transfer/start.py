"""Puts existing weights into a fresh network: all that fits, but the head where it yields other classes."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from storage.base.errors import ConfigError
from training.recipe.parts.further import Transfer
from training.transfer.freeze import stages_of
from training.transfer.source import Provenance, Source, read_source

_COUNTS = "num_batches_tracked"
_COARSER_HEADS = "scales"


def provenance_of(transfer: Transfer) -> Provenance:
    """The terms and origin of a recipe's starting weights, without a network to put them into.

    Raises
    ------
    ConfigError
        The weights can't be read, or state no licence.
    """
    return read_source(transfer).provenance


def start(network: nn.Module, transfer: Transfer) -> Provenance:
    """Load starting weights into ``network``, in place.

    Tensors of the head that the source has in another shape, or lacks, keep their fresh values; every other tensor must be
    there and fit. Packages hold half precision, so values may differ from those fitted by a thousandth.

    Raises
    ------
    ConfigError
        ``transfer-missing``, ``transfer-invalid``, ``licence-missing``: naming file, tensor and mend.
    """
    source = read_source(transfer)
    found = {key.removeprefix(transfer.strip_prefix): value for key, value in source.tensors().items()}
    _load(network, found, source)
    return source.provenance


def _load(network: nn.Module, found: dict[str, Tensor], source: Source) -> None:
    stages = stages_of(network)
    heads = tuple(f"{stage}." for stage in stages if stage in (stages[-1], _COARSER_HEADS))
    with torch.no_grad():
        for key, value in network.state_dict().items():
            fits = key in found and found[key].shape == value.shape
            if fits:
                value.copy_(found[key])
            elif not key.endswith(_COUNTS) and not key.startswith(heads):
                raise ConfigError(_misfit(key, value, found, source), code="transfer-invalid")


def _misfit(key: str, value: Tensor, found: dict[str, Tensor], source: Source) -> str:
    mend = "give package.network the architecture and arguments that these weights were made with, or set transfer.strip_prefix"
    if key not in found:
        return f"{source.path}: transfer.weights: tensor {key} is missing; {mend}"
    return f"{source.path}: transfer.weights: tensor {key} is {tuple(found[key].shape)}, not {tuple(value.shape)}; {mend}"

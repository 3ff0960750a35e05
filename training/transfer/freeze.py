"""Stages that are held as they came: neither their weights nor their statistics change."""

from __future__ import annotations

from torch import nn

from storage.base.errors import ConfigError
from training.recipe.parts.further import Transfer


def stages_of(network: nn.Module) -> tuple[str, ...]:
    """The network's stages from the input to the head; every network of the registry has them."""
    return tuple(network.stages)  # type: ignore[arg-type]


def belongs(name: str, stage: str) -> bool:
    """Whether the parameter or module ``name`` is part of ``stage``."""
    return name == stage or name.startswith(f"{stage}.")


def hold(network: nn.Module, transfer: Transfer | None, step: int) -> None:
    """Freeze or release the stages that ``transfer`` names, as is due before step ``step`` (counted from 0).

    To be called after ``network.train()``: frozen stages go to evaluation mode, so that batch-norm keeps the statistics that it
    came with. Without ``freeze_steps`` they stay frozen to the end.

    Raises
    ------
    ConfigError
        Code ``transfer-invalid``: the head would be frozen too, and nothing be left to learn.
    """
    if transfer is None or not transfer.freeze:
        return
    stages = stages_of(network)
    if transfer.freeze >= len(stages):
        message = (
            f"transfer.freeze: {transfer.freeze} leaves nothing to learn; the network has {len(stages)} stages with the head"
        )
        raise ConfigError(message, code="transfer-invalid")
    held = transfer.freeze_steps is None or step < transfer.freeze_steps
    for stage in stages[: transfer.freeze]:
        for name, parameter in network.named_parameters():
            if belongs(name, stage):
                parameter.requires_grad_(not held)
        for name, module in network.named_modules():
            if belongs(name, stage):
                module.train(network.training and not held)

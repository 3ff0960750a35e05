"""Which parameter learns how fast: near the input slower, by one factor a stage (Howard and Ruder, ULMFiT, ACL 2018)."""

from __future__ import annotations

from typing import Any

from torch import nn

from training.recipe import Recipe
from training.transfer.freeze import belongs, stages_of


def parameter_groups(network: nn.Module, recipe: Recipe) -> list[dict[str, Any]]:
    """Groups for the optimiser, from the input to the head, each with ``rate``: what its learning rate is multiplied by.

    Without ``transfer.layer_rate`` there is one group, and its rate is 1.
    """
    factor = recipe.transfer.layer_rate if recipe.transfer else 1.0
    if factor == 1.0:
        return [{"params": list(network.parameters()), "rate": 1.0}]
    stages = stages_of(network)
    groups = []
    for depth, stage in enumerate(stages):
        parameters = [parameter for name, parameter in network.named_parameters() if belongs(name, stage)]
        if parameters:
            groups.append({"params": parameters, "rate": factor ** (len(stages) - 1 - depth)})
    return groups

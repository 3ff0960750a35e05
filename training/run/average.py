"""One network from several: the mean of their weights, for checkpoints of one run or fine-tuned members with an equal start.

The latter is known as a model soup (M. Wortsman et al., ICML 2022). Batch-norm statistics of a mean of weights are no mean of
statistics, so they are measured anew, as in stochastic weight averaging (P. Izmailov et al., UAI 2018).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import torch
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm

from inference.networks import build
from training.data import GridCase
from training.fit.duties import Duty, duty_of
from training.fit.processes.ranks import Ranks
from training.fit.steps.batches import Batches
from training.recipe import Recipe

_BATCHES = 20


def mean_weights(states: Sequence[Mapping[str, Tensor]]) -> dict[str, Tensor]:
    """The mean of each floating tensor, in double precision on the way; counters are the last one's.

    Parameters
    ----------
    states : of networks of one architecture; at least one.
    """
    mean = {key: value.clone() for key, value in states[-1].items()}
    for key, value in mean.items():
        if value.is_floating_point():
            value.copy_(torch.stack([state[key].double() for state in states]).mean(0))
    return mean


def averaged(recipe: Recipe, states: Sequence[Mapping[str, Tensor]], cases: Sequence[GridCase]) -> nn.Module:
    """A network with the mean weights, and statistics measured on some training batches as the recipe draws them."""
    network = recipe.manifest().network
    mean = build(network.name, network.arguments)
    mean.load_state_dict(mean_weights(states))
    _measure_statistics(mean, duty_of(recipe), cases)
    return mean.eval()


@torch.no_grad()
def _measure_statistics(network: nn.Module, duty: Duty, cases: Sequence[GridCase]) -> None:
    """Replace running statistics by the plain mean over ``_BATCHES`` batches."""
    norms = [module for module in network.modules() if isinstance(module, _BatchNorm) and module.track_running_stats]
    if not norms:
        return
    network.eval()
    momenta = [norm.momentum for norm in norms]
    for norm in norms:
        norm.reset_running_stats()
        norm.momentum = None
        norm.train()
    batches = Batches(duty, cases, Ranks())
    for step in range(_BATCHES):
        for drawn in batches.of_step(step):
            duty.answer(network, drawn)
    for norm, momentum in zip(norms, momenta, strict=True):
        norm.momentum = momentum

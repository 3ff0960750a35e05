"""Whether a map depends on what the network learnt: the model parameter randomisation test.

J. Adebayo et al., Sanity Checks for Saliency Maps (NeurIPS 2018), section 3.1. The weights are drawn anew, stage by stage from
the head to the input, and each time the map is compared with that of the trained network by Spearman's rank correlation. A
method whose map stays the same shows edges of the image, not evidence.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import torch
from scipy.stats import rankdata
from torch import Tensor, nn

from training.explain.gradcam import Map

BOUND = 0.5
"""Mean |rank correlation| that maps of trained and fully randomised weights have to stay below. Smooth maps of a few independent
places correlate by chance at some 0.3, so that 0.5 leaves room for chance and none for a map that is merely blurred."""

Method = Callable[[nn.Module, Tensor, int], Map]


@dataclass(frozen=True)
class Sanity:
    """``by_stage``: mean |rank correlation| over images and redraws, that stage and all after it drawn anew, head first.

    ``correlation``: after all were. ``blank``: share of images whose map by the trained network is the same everywhere.
    """

    correlation: float
    by_stage: dict[str, float]
    blank: float
    images: int
    bound: float

    @property
    def passed(self) -> bool:
        """The map changes with the weights, and there was a map at all for most images."""
        return self.correlation < self.bound and self.blank < 0.5

    def document(self) -> dict[str, Any]:
        """For JSON."""
        return {"passed": self.passed, **asdict(self)}


def sanity_test(
    method: Method,
    network: nn.Module,
    images: Sequence[tuple[Tensor, int]],
    *,
    bound: float = BOUND,
    seed: int = 0,
    redraws: int = 4,
) -> Sanity:
    """Compare a method's maps before and after the weights are drawn anew; the network itself is left alone.

    Parameters
    ----------
    method : ``grad_cam`` or ``occlusion_map``.
    images : (C, *spatial) each, and the class that is explained; at least one, better eight.
    redraws : how often all weights are drawn, since a drawn network may see by chance what the trained one does.
    """
    trained = [method(network, image, value) for image, value in images]
    stages = tuple(reversed(stages_of(network)))
    found: dict[str, list[float]] = {stage: [] for stage in stages}
    for number in range(redraws):
        shaken = copy.deepcopy(network).eval()
        for place, stage in enumerate(stages):
            randomise(shaken, stage, seed + number * len(stages) + place)
            pairs = zip(trained, (method(shaken, image, value) for image, value in images), strict=True)
            found[stage] += [abs(rank_correlation(*pair)) for pair in pairs]
    by_stage = {stage: round(float(np.mean(values)), 4) for stage, values in found.items()}
    blank = float(np.mean([np.ptp(row) == 0 for row in trained]))
    return Sanity(by_stage[stages[-1]], by_stage, blank, len(images), bound)


def stages_of(network: nn.Module) -> tuple[str, ...]:
    """The network's ``stages``, prefixes of parameter names from input to head; its children where it names none."""
    named = getattr(network, "stages", ())
    return tuple(named) or tuple(name for name, _ in network.named_children())


def randomise(network: nn.Module, prefix: str, seed: int) -> None:
    """Draw the weights of a stage anew, as a fresh module of its kind begins; torch's own generator is left as it was."""
    with torch.random.fork_rng(devices=[]), torch.no_grad():
        torch.manual_seed(seed)
        for name, module in network.named_modules():
            if not _within(name, prefix):
                continue
            if callable(reset := getattr(module, "reset_parameters", None)):
                reset()
                continue
            for weight in module.parameters(recurse=False):
                weight.normal_(0.0, 0.02)


def _within(name: str, prefix: str) -> bool:
    return name == prefix or name.startswith(f"{prefix}.")


def rank_correlation(ours: Map, theirs: Map) -> float:
    """Spearman's, ties sharing their mean rank; 0 where a map is the same everywhere."""
    ranks = [rankdata(found.ravel()) for found in (ours, theirs)]
    if any(np.ptp(row) == 0 for row in ranks):
        return 0.0
    return float(np.corrcoef(*ranks)[0, 1])

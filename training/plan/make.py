"""Makes the plan: goes through the open keys of a recipe from the data to the steps, and says why for each."""

from __future__ import annotations

from typing import Any

from inference.networks import minimum_multiple
from storage.base.errors import ConfigError
from training.plan.document import Plan, decided, digest_of
from training.plan.fingerprint import Fingerprint
from training.plan.grid import grid_decisions
from training.plan.memory import Need, need_of
from training.plan.network import Draft
from training.plan.rules import DEFAULT_MEMORY_GB
from training.plan.steps import StepTimer, chosen
from training.recipe import Recipe

_TOO_LARGE = (
    "budget.memory_gb: a step takes about {:.2f} GB, which is more than {:g}; raise it, or make fit.batch, fit.patch or the "
    "network's channels smaller"
)


def make_plan(recipe: Recipe, found: Fingerprint, time_step: StepTimer) -> Plan:
    """Decide what the recipe leaves open.

    Parameters
    ----------
    found : of the training part.
    time_step : called when seconds must become steps, and for nothing else.

    Raises
    ------
    ConfigError
        Code ``plan-impossible``: a budget that nothing fits into, or none where steps are ``auto``.
    """
    decisions = grid_decisions(recipe, found)
    draft = Draft(recipe, found, {one.key: one.value for one in decisions}, recipe.budget.memory_gb or DEFAULT_MEMORY_GB)
    more, estimates = chosen(draft, decisions, time_step)
    everything = (*decisions, *more)
    planned = decided(recipe, everything) if everything else recipe
    return Plan(planned, everything, digest_of(recipe), found.document(), {**_estimates(planned), **estimates})


def given_plan(recipe: Recipe) -> Plan:
    """The plan of a recipe that leaves nothing open: its digest, and what a step will need.

    Raises
    ------
    ConfigError
        Code ``plan-impossible``: more memory than the recipe's budget.
    """
    return Plan(recipe, (), digest_of(recipe), {}, _estimates(recipe))


def _estimates(recipe: Recipe) -> dict[str, Any]:
    need = step_need(recipe)
    if recipe.budget.memory_gb and need.gb > recipe.budget.memory_gb:
        raise ConfigError(_TOO_LARGE.format(need.gb, recipe.budget.memory_gb), code="plan-impossible")
    return {"parameters": need.parameters, "step_memory_gb": round(need.gb, 3)}


def step_need(recipe: Recipe) -> Need:
    """Memory and parameters of a planned recipe's training step."""
    network, extent = recipe.manifest().network, recipe.fit.extent
    return need_of(network.name, network.arguments, extent.batch, len(recipe.package["inputs"]), extent.patch)


def multiple_fault(recipe: Recipe) -> str:
    """What is wrong with the manifest's multiple for this network, in words; empty when nothing is."""
    manifest = recipe.manifest()
    needed = minimum_multiple(manifest.network.name, manifest.network.arguments)
    if manifest.grid.minimum_multiple % needed == 0:
        return ""
    return (
        f"package.grid.minimum_multiple: is {manifest.grid.minimum_multiple}; the network halves its input down to multiples "
        f"of {needed}; set {needed}"
    )

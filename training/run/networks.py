"""The networks of a package: one, the members of a k-fold ensemble, or the mean of their weights."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from torch import nn

from training.data import Case, GridCase, fold_names, grid_case
from training.recipe import Recipe
from training.run.average import averaged
from training.run.folder import RunFolder
from training.run.member import Desk, fit_member
from training.run.prepare import Prepared


@dataclass(frozen=True)
class Member:
    """One fitted network, its folder, and the names of the cases that were held out from it."""

    network: nn.Module
    folder: RunFolder
    held_out: tuple[str, ...]


@dataclass(frozen=True)
class Fitted:
    """``networks`` go into the package; ``members`` are what they were made of, one without folds."""

    networks: tuple[nn.Module, ...]
    members: tuple[Member, ...]


def fit_networks(prepared: Prepared, folder: RunFolder, desk: Desk) -> Fitted:
    """Fit what the recipe asks for; each member in a folder of its own, resumable by itself. The test part stays untouched."""
    recipe, dataset = prepared.recipe, prepared.dataset
    if not recipe.ensemble.folds:
        cases = grid_cases(recipe, dataset.cases("train"), desk)
        network = fit_member(recipe, cases, grid_cases(recipe, dataset.cases("validate"), desk), folder, desk)
        return Fitted((network,), (Member(network, folder, tuple(dataset.names("validate"))),))
    members = _fit_folds(prepared, folder, desk)
    networks = tuple(member.network for member in members)
    if recipe.ensemble.combine == "weights":
        learnt = [*dataset.names("train"), *dataset.names("validate")]
        cases = grid_cases(recipe, dataset.named(learnt), desk)
        networks = (averaged(recipe, [network.state_dict() for network in networks], cases),)
    return Fitted(networks, members)


def grid_cases(recipe: Recipe, cases: Iterable[Case], desk: Desk) -> list[GridCase]:
    """Cases brought to the model's grid."""
    return [grid_case(case, recipe) for case in desk.track.cases("reading", cases)]


def _fit_folds(prepared: Prepared, folder: RunFolder, desk: Desk) -> tuple[Member, ...]:
    recipe, dataset = prepared.recipe, prepared.dataset
    count, members = recipe.ensemble.folds, []
    for number, (learnt, held_out) in enumerate(fold_names(dataset, count, recipe.seed), start=1):
        own, place = fold_recipe(recipe, number), folder.fold(number)
        cases = grid_cases(own, dataset.named(learnt), desk)
        held = grid_cases(own, dataset.named(held_out), desk)
        network = fit_member(own, cases, held, place, desk, f"fold {number} of {count}")
        members.append(Member(network, place, tuple(held_out)))
    return tuple(members)


def fold_recipe(recipe: Recipe, number: int) -> Recipe:
    """Another seed for each member, so that they differ; the same one where their weights will be averaged."""
    if recipe.ensemble.combine == "weights":
        return recipe
    return recipe.model_copy(update={"seed": recipe.seed + 1000 * (number - 1)})

"""The card's command names recipe and profile."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from training.plan import Plan, digest_of, made_from
from training.recipe import read_recipe


def _plan(name: str, profile: str) -> Plan:
    recipe = read_recipe(Path(name), profile)
    return Plan(recipe, (), digest_of(recipe))


def test_the_profile_that_it_was_made_for_is_named() -> None:
    assert made_from("pneumonia-xr", _plan("pneumonia-xr", "cpu")) == "pneumonia-xr --profile cpu"
    assert made_from("pneumonia-xr", _plan("pneumonia-xr", "full")) == "pneumonia-xr --profile full"
    assert made_from("phantom-chest-xr", _plan("phantom-chest-xr", "")) == "phantom-chest-xr"


def test_a_recipe_of_ones_own_is_not_looked_for_among_those_that_ship() -> None:
    plan = _plan("pneumonia-xr", "cpu")
    assert made_from("my-own", plan) == "RECIPE"
    assert made_from("pneumonia-xr", replace(plan, made_for="0" * 64)) == "RECIPE"

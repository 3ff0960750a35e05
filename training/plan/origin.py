"""Which recipe a plan was made for, as a person would name it."""

from __future__ import annotations

from pathlib import Path

from storage.base.errors import ConfigError
from training.plan.document import Plan, digest_of
from training.recipe import profile_names, read_recipe


def made_from(name: str, plan: Plan) -> str:
    """The recipe and profile to give to ``wetread train`` for the same weights.

    Parameters
    ----------
    name : of the package.

    Returns
    -------
    The name of the recipe that ships under this name, with the first of its profiles that the plan was made for; ``RECIPE`` where
    none was, since the file of an author's own may lie anywhere.
    """
    try:
        profiles = profile_names(Path(name)) or ("",)
        found = [profile for profile in profiles if digest_of(read_recipe(Path(name), profile)) == plan.made_for]
    except ConfigError:  # no recipe of this name ships
        found = []
    if not found:
        return "RECIPE"
    return f"{name} --profile {found[0]}" if found[0] else name

"""Licence and attribution of a package whose weights began as others'."""

from __future__ import annotations

from training.recipe import Recipe
from training.transfer import Provenance, combined


def carried_over(recipe: Recipe, provenance: Provenance | None) -> Recipe:
    """The recipe with the terms that its starting weights bring along in ``package``; the same recipe without such weights.

    Raises
    ------
    ConfigError
        Codes ``licence-missing``, ``licence-conflict``.
    """
    if provenance is None:
        return recipe
    ours = recipe.package
    licence = combined(str(ours.get("weights_licence", "")), provenance.licence)
    named = f" {provenance.attribution}" if provenance.attribution else ""
    began = f"The weights began as those of {provenance.text} ({provenance.licence}).{named}"
    attribution = " ".join(part for part in (str(ours.get("attribution", "")).strip(), began) if part)
    package = {**ours, "weights_licence": licence, "attribution": attribution}
    return recipe.model_copy(update={"package": package})

"""Which package may ship with the project: one that its shipped recipe makes, measured, with terms that let others have it.

What a recipe can't say, since fitting decides it, is held within bounds: members, temperature and thresholds.
"""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

from inference.manifest import Manifest, package_digest, read_manifest
from storage.base.errors import ConfigError
from training.evaluate.results import HELD
from training.export.licence import licence_text
from training.plan import read_plan
from training.recipe import Recipe, profile_names, read_recipe
from training.run.terms import carried_over
from training.transfer import provenance_of

MOST_BYTES = 8_000_000
"""Of a package's weights together, as everybody who installs the project gets them."""

_CLOSED = ("LicenseRef-", "-NC")
_TEMPERATURES = (0.06, 19.0)
_THRESHOLDS = (0.001, 0.999)


def ship(package: Path, recipe: Path, shipped: Path) -> Path:
    """Put a package into the folder of those that ship, in place of the one of its name.

    Parameters
    ----------
    recipe : that made it; ``planned_for`` finds the profile.
    shipped : the folder, which exists.

    Raises
    ------
    ConfigError
        Code ``not-shipped``, with the first thing that speaks against it; ``not-writable``.
    """
    found = faults(package, planned_for(package, recipe))
    if found:
        raise ConfigError(f"{package}: {found[0]}", code="not-shipped")
    target = shipped / read_manifest(package).name
    part, old = (target.with_name(f".{target.name}.{end}") for end in ("part", "old"))
    try:
        for folder in (part, old):
            shutil.rmtree(folder, ignore_errors=True)
        shutil.copytree(package, part, ignore=shutil.ignore_patterns(".*"))
        if target.exists():
            target.rename(old)
        part.rename(target)
        shutil.rmtree(old, ignore_errors=True)
    except (OSError, shutil.Error) as error:
        raise ConfigError(f"{target}: can't be written ({error}); name another --into", code="not-writable") from error
    return target


def planned_for(package: Path, recipe: Path) -> Recipe:
    """The recipe, with the plan and in the profile that the package was made by, and with the terms of its starting weights.

    Raises
    ------
    ConfigError
        Code ``not-shipped``: it was made by none of them as they are now.
    """
    for profile in profile_names(recipe) or ("",):
        content = read_recipe(recipe, profile)
        try:
            planned = read_plan(package / "docs" / "plan.json", content).recipe
        except ConfigError:
            continue
        return carried_over(planned, provenance_of(planned.transfer) if planned.transfer else None)
    message = f"{package}: docs/plan.json is of no profile of {recipe} as it is now; train that recipe, and don't change it after"
    raise ConfigError(message, code="not-shipped")


def faults(package: Path, recipe: Recipe) -> list[str]:
    """What speaks against shipping a package, in words; nothing where it is what the recipe says."""
    manifest = read_manifest(package)
    found = [*_unlike(manifest, recipe), *_unfit(manifest, recipe)]
    if sum(path.stat().st_size for path in (package / "models").glob("*")) > MOST_BYTES:
        found.append(f"its weights take more than {MOST_BYTES // 1_000_000} MB; ship a single network, or a smaller one")
    if any(word in manifest.weights_licence for word in _CLOSED):
        found.append(f"its weights are under {manifest.weights_licence}, which doesn't let everybody have them; keep it")
    if (package / "LICENSE").read_text(encoding="utf-8") != licence_text(manifest):
        found.append("LICENSE isn't the text that its manifest's licences give; export it again")
    return found + _unmeasured(package, recipe)


def _unlike(manifest: Manifest, recipe: Recipe) -> list[str]:
    """Keys in which package and recipe differ, but for those that fitting decides."""
    ours = manifest.model_dump(mode="json")
    theirs = recipe.manifest(manifest.network.weights_sha256).model_dump(mode="json")
    theirs["network"]["more_weights"] = ours["network"]["more_weights"]
    if "classification" in recipe.rules_from_cases:
        theirs["classification"] = ours["classification"]
    if "detection" in recipe.rules_from_cases and ours["detection"] is not None:
        theirs["detection"]["thresholds"] = ours["detection"]["thresholds"]
    return [f"{key} is {ours[key]} in the package and {theirs[key]} in the recipe" for key in ours if ours[key] != theirs[key]]


def _unfit(manifest: Manifest, recipe: Recipe) -> list[str]:
    """What fitting decided and can't have meant."""
    members = max(1, recipe.ensemble.folds) if recipe.ensemble.combine == "scores" else 1
    found = []
    if len(manifest.network.members) != members:
        found.append(f"it has {len(manifest.network.members)} members, and the recipe fits {members}; let train finish it")
    classes, boxes = manifest.classification, manifest.detection
    if classes is not None and "classification" in recipe.rules_from_cases:
        if not _TEMPERATURES[0] < classes.temperature < _TEMPERATURES[1]:
            found.append(
                f"its temperature of {classes.temperature:g} is at the end of what was searched; look at its probabilities"
            )
        found += [
            f"its threshold of {threshold:g} calls all or nothing present; look at its probabilities"
            for threshold in classes.thresholds
            if not _THRESHOLDS[0] < threshold < _THRESHOLDS[1]
        ]
    if boxes is not None and "detection" in recipe.rules_from_cases:
        found += [
            f"its threshold of {threshold:g} makes every box a finding, or none; look at its scores"
            for threshold in boxes.thresholds
            if not _THRESHOLDS[0] < threshold < _THRESHOLDS[1]
        ]
    return found


def _unmeasured(package: Path, recipe: Recipe) -> list[str]:
    """Whether card and figures are there, of these very bytes, and above the recipe's floor."""
    try:
        card = (package / "docs" / "README.md").read_text(encoding="utf-8")
        measured: dict[str, Any] = json.loads((package / "docs" / "test.json").read_text(encoding="utf-8"))
        digest, figures = measured["model"]["digest"], measured["figures"]
    except (OSError, ValueError, KeyError, TypeError):
        return ["docs/README.md or docs/test.json is missing or no document of an evaluation; let train finish it"]
    found = []
    if digest != package_digest(package):
        found.append("docs/test.json was measured on other weights or another manifest; let train finish it")
    if not recipe.manifest().clinical_use and "Not for clinical use" not in card:
        found.append("docs/README.md doesn't say that it isn't for clinical use; let train write it")
    for label, least in recipe.floor.items():
        found_of = figures["as is"].get(label, {})
        metric = next((metric for metric in HELD if metric in found_of), "its figure")
        value = found_of.get(metric, {}).get("value")
        if value is None or value < least:
            found.append(f"{label}: {metric} {value} is below the recipe's floor of {least:g}")
    return found

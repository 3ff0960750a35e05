"""What the voxels must hold before a step is made: every label and class to be learnt, and images that the network can take."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from storage.base.errors import ConfigError
from training.data.entry import Entry
from training.data.survey.facts import Facts
from training.recipe import PartName, Recipe


def check_images(recipe: Recipe, facts: Mapping[str, Facts]) -> None:
    """One number of channels, the network's (of several inputs each has one); no volume for a network of two dimensions.

    Raises
    ------
    ConfigError
        Code ``size-mismatch``, naming the case.
    """
    arguments = recipe.package["network"].get("arguments")
    told = arguments.get("in_channels") if isinstance(arguments, Mapping) else None
    told = 1 if len(recipe.package["inputs"]) > 1 else told
    flat = any(entry.get("spatial_dims") == 2 for entry in recipe.package.get("inputs", ()))
    first = next(iter(facts.values())).channels if facts else 1
    wanted = told if isinstance(told, int) else first
    for name, fact in facts.items():
        if fact.channels != wanted:
            raise ConfigError(
                f"{name}: has {fact.channels} channels, but the network takes {wanted}; correct data.colour or the image",
                code="size-mismatch",
            )
        if flat and fact.size_kji[0] > 1:
            raise ConfigError(f"{name}: is a volume, but the model takes images; name another source", code="size-mismatch")


def check_targets(recipe: Recipe, entries: Sequence[Entry], parts: Mapping[str, PartName], facts: Mapping[str, Facts]) -> None:
    """Every case has what the task learns, and every label or class is there to be learnt.

    Raises
    ------
    ConfigError
        Codes ``data-missing`` (no mask, no class, no objects), ``empty-label``, ``empty-class``.
    """
    learnt = [entry for entry in entries if parts[entry.name] == "train"]
    for head in recipe.heads:
        names = ["none of the labels", *(str(label["name"]) for label in recipe.of_head(head).package["labels"])]
        if head == "classification":
            _check_classes(entries, learnt, names)
        elif head == "detection":
            _check_objects(entries, learnt, names, facts)
        else:
            _check_labels(entries, learnt, names, facts)


def _check_labels(entries: Sequence[Entry], learnt: Sequence[Entry], names: list[str], facts: Mapping[str, Facts]) -> None:
    for entry in entries:
        if facts[entry.name].label_voxels is None:
            raise ConfigError(f"{entry.name}: has no mask, which a segmentation learns; name masks in data", code="data-missing")
    for value, name in list(enumerate(names))[1:]:
        if not any((facts[entry.name].label_voxels or ())[value] for entry in learnt):
            raise ConfigError(
                f"label {value} ({name}): the mask of none of the {len(learnt)} training cases holds it; take it out of "
                "package.labels, or correct masks or split",
                code="empty-label",
            )


def _check_objects(entries: Sequence[Entry], learnt: Sequence[Entry], names: list[str], facts: Mapping[str, Facts]) -> None:
    for entry in entries:
        if facts[entry.name].objects is None:
            raise ConfigError(
                f"{entry.name}: has no masks, of which a detection learns single objects; name masks in data", code="data-missing"
            )
    for value, name in list(enumerate(names))[1:]:
        if not any(value in (facts[entry.name].objects or ()) for entry in learnt):
            raise ConfigError(
                f"label {value} ({name}): none of the {len(learnt)} training cases holds such an object; take it out of "
                "package.labels, or correct masks, classes or split",
                code="empty-label",
            )


def _check_classes(entries: Sequence[Entry], learnt: Sequence[Entry], names: list[str]) -> None:
    for entry in entries:
        if entry.class_index is None:
            raise ConfigError(
                f"{entry.name}: has no class, which a classifier learns; name its source in data", code="data-missing"
            )
    held = {entry.class_index for entry in learnt}
    # With several labels "none of them" may be nothing that occurs; with one there would be nothing to tell it from.
    needed = range(0 if len(names) == 2 else 1, len(names))
    for value in needed:
        if value not in held:
            raise ConfigError(
                f"class {value} ({names[value]}): none of the {len(learnt)} training cases is of it; correct classes or split",
                code="empty-class",
            )

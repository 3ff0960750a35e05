"""A data set ready for a run: its cases by part, read when they are asked for."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property

from training.data.case import Case
from training.data.checks.treat import Findings
from training.data.entry import Entry
from training.data.splits import folded
from training.data.survey import Facts, survey
from training.recipe import PartName, Recipe
from training.recipe.data.split import DrawnSplit

PARTS: tuple[PartName, ...] = ("train", "validate", "test")

SIDE = 32
"""Pixels an axis of the images' likenesses where the recipe asks for no check of duplicates."""


@dataclass(frozen=True, eq=False)
class DataSet:
    """Cases by part, in the order of their names.

    Attributes
    ----------
    recipe : what it was read for.
    entries : the cases that are in a part, without voxels: names, groups, classes, truths, traits.
    parts : part by case name.
    findings : duplicates, and what was done about them.
    left_out : cases of the source that the split doesn't reach.
    unused : cases of the training part that ``data.limit`` leaves out; they are in no part.
    surveyed : the facts of every case by name, or None where nothing has been read yet (phantoms).
    """

    recipe: Recipe
    entries: Sequence[Entry]
    parts: Mapping[str, PartName]
    findings: Findings = field(default_factory=Findings)
    left_out: int = 0
    unused: int = 0
    surveyed: Mapping[str, Facts] | None = None

    @cached_property
    def facts(self) -> Mapping[str, Facts]:
        """Sizes, spacings, intensities and label volumes by case name; phantoms are painted for it when it is first asked."""
        if self.surveyed is not None:
            return self.surveyed
        return survey(self.entries, self.recipe.classes, SIDE)

    def of(self, part: PartName) -> list[Entry]:
        """The cases of a part, not read."""
        return [entry for entry in self.entries if self.parts[entry.name] == part]

    def names(self, part: PartName) -> list[str]:
        """The names of a part's cases."""
        return [entry.name for entry in self.of(part)]

    @property
    def listed(self) -> dict[str, list[str]]:
        """Names by part: written as JSON it is a file for ``data.split.file``, by which the parts never change."""
        return {part: self.names(part) for part in PARTS}

    def cases(self, part: PartName) -> Iterator[Case]:
        """The cases of a part, each read from its source as it is asked for."""
        return (entry.read() for entry in self.of(part))

    def named(self, names: Sequence[str]) -> Iterator[Case]:
        """The cases of these names, in this order: of a fold, say."""
        by_name = {entry.name: entry for entry in self.entries}
        return (by_name[name].read() for name in names)


def fold_names(dataset: DataSet, k: int, seed: int) -> list[tuple[list[str], list[str]]]:
    """Names to train and to validate for each of ``k`` folds of training and validation part together, by group.

    Stratified as the split is, else by the class where every case has one. The test part is in no fold.

    Raises
    ------
    ConfigError
        Code ``data-invalid``: there are fewer groups than folds.
    """
    entries = [entry for entry in dataset.entries if dataset.parts[entry.name] != "test"]
    return folded(entries, k, seed, stratified_by(dataset.recipe, entries))


def stratified_by(recipe: Recipe, entries: Sequence[Entry]) -> str:
    """The trait whose shares every choice of cases keeps: the split's, else the class where every case has one, else none."""
    split = recipe.data.split
    if isinstance(split, DrawnSplit) and split.stratify:
        return split.stratify
    return "class" if all("class" in entry.traits for entry in entries) else ""

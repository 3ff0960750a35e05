"""Which cases belong together, which part of the data each one is in, and what is done about duplicates."""

from __future__ import annotations

import re
from itertools import pairwise
from typing import Annotated, Literal

from pydantic import AfterValidator, Field, model_validator

from training.recipe.base import Part, PartName


def _with_a_group(pattern: str) -> str:
    """A regular expression that has a first parenthesis, or nothing."""
    try:
        if pattern and re.compile(pattern).groups < 1:
            raise ValueError("needs a parenthesis around the part that counts")
    except re.error as error:
        raise ValueError(f"is no regular expression ({error})") from error
    return pattern


Pattern = Annotated[str, AfterValidator(_with_a_group)]


class RangeSplit(Part):
    """Inclusive ranges of case numbers. They must not overlap, so that no case is both learnt and tested.

    A case's number is the last one in its name, or what the first parenthesis of ``number`` finds in it.
    """

    kind: Literal["ranges"] = "ranges"
    train: tuple[int, int]
    validate_: tuple[int, int] = Field(alias="validate")
    test: tuple[int, int]
    number: Pattern = ""

    @model_validator(mode="after")
    def _apart(self) -> RangeSplit:
        ranges = sorted([self.train, self.validate_, self.test])
        if any(first > last for first, last in ranges) or any(a[1] >= b[0] for a, b in pairwise(ranges)):
            raise ValueError("the ranges must run upwards and must not overlap")
        return self

    @property
    def by_part(self) -> dict[PartName, tuple[int, int]]:
        """First and last number by part."""
        return {"train": self.train, "validate": self.validate_, "test": self.test}


class DrawnSplit(Part):
    """Groups drawn by ``seed`` into parts of about these shares, alike in the trait ``stratify`` where one is named.

    Each group has its place in an order that ``seed`` and its name alone decide, and the parts are cut out of that order: a
    case that is added later moves none but those next to a cut. For parts that never change, write them down: ``given``.
    """

    kind: Literal["drawn"]
    shares: dict[PartName, float]
    stratify: str = ""
    seed: int = 0

    @model_validator(mode="after")
    def _whole(self) -> DrawnSplit:
        if self.shares.keys() != {"train", "validate", "test"} or min(self.shares.values()) <= 0:
            raise ValueError("shares needs a positive number for each of train, validate and test")
        if abs(sum(self.shares.values()) - 1) > 1e-6:
            raise ValueError("shares must sum to 1")
        return self


class GivenSplit(Part):
    """As the source says: a column of its table, the arrays of an .npz, or ``file``, JSON of case names by part."""

    kind: Literal["given"]
    file: str = ""


Split = Annotated[RangeSplit | DrawnSplit | GivenSplit, Field(discriminator="kind")]


class Grouping(Part):
    """Which cases are never parted: those of one person, or of one examination where persons aren't known.

    ``each``: every case by itself. ``consecutive``: the numbers in the names, ``size`` by ``size`` from 1. ``pattern``: what the
    first parenthesis of a regular expression finds in the name. ``column``: a column of the source's table. ``patient``: DICOM's
    Patient ID, ``study``: its Study Instance UID; of both a digest is kept. ``means`` says what a group is known to be; the
    data statement repeats it, so that nobody takes a split by examination for one by person.
    """

    by: Literal["each", "consecutive", "pattern", "column", "patient", "study"] = "each"
    means: Literal["person", "examination", "case"] = "case"
    size: int = Field(default=1, ge=1)
    pattern: Pattern = ""
    column: str = ""

    @model_validator(mode="after")
    def _told(self) -> Grouping:
        if self.by == "pattern" and not self.pattern:
            raise ValueError("by: pattern needs the key pattern")
        if self.by == "study" and self.means == "person":
            raise ValueError("a study is an examination; means: person needs by: patient")
        if self.by == "column" and not self.column:
            raise ValueError("by: column needs the key column")
        return self


class Duplicates(Part):
    """Images of different groups that are the same, or nearly: correlated above ``correlation`` at ``side`` pixels an axis.

    ``fail``: the run ends and lists them. ``group``: they are never parted. ``drop``: one of each pair stays, in the part that
    is nearest to the test, else the one whose name comes first. Pairs whose labels contradict each other (``contradictions``:
    another class, or masks that share nothing) are dropped both or kept both. From the test part of a split that isn't drawn
    nothing is ever dropped. A ``correlation`` of 1 finds equal images alone.
    """

    correlation: float = Field(default=0.99, gt=0, le=1)
    side: int = Field(default=32, ge=4, le=128)
    treat: Literal["fail", "group", "drop"] = "fail"
    contradictions: Literal["fail", "drop", "keep"] = "fail"


class Limit(Part):
    """Learn from at most ``cases`` of the training part: whole groups in the order that ``seed`` draws, alike in the split's
    ``stratify``, else in the class where every case has one. Validation and test part stay whole.
    """

    cases: int = Field(ge=1)
    seed: int = Field(default=0, ge=0)

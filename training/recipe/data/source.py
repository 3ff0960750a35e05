"""What every source of labelled cases says."""

from __future__ import annotations

from pydantic import Field

from training.recipe.base import Part
from training.recipe.data.split import Duplicates, Grouping, Limit, Split


class Source(Part):
    """``classes``: what the source calls a class, to the label's value; 0 is "none of the labels". ``limit``: learn from fewer
    cases than the training part holds.
    """

    split: Split
    limit: Limit | None = None
    group: Grouping = Grouping()
    duplicates: Duplicates | None = Duplicates()
    classes: dict[str, int] = Field(default_factory=dict)
    statement: str

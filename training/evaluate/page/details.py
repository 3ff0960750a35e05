"""What a report tells besides the figures: where the data come from, how they were split, what fitting cost, the limits."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from training.evaluate.cost import Cost
from training.evaluate.pictures import Picture
from training.recipe import Recipe

_PARTED = {
    "person": "by person: all cases of a person are in one part.",
    "examination": "by examination: all images of an examination are in one part. The same person may stand in several parts, "
    "since the data don't say who is who.",
    "case": "by case: the data don't say which cases are of one person.",
}


@dataclass(frozen=True)
class Table:
    """A table of a run's own: an ablation, the members of an ensemble. Cells are shown as they are."""

    title: str
    header: Sequence[str]
    rows: Sequence[Sequence[str]]
    note: str = ""


@dataclass(frozen=True)
class Details:
    """What stands in the report and isn't measured by the evaluation.

    Attributes
    ----------
    data : where the data come from. statement : the data statement's facts, by name, as they are to be shown.
    split : how cases were parted. limits : where the package ends.
    fitting : what fitting cost. curves : title to SVG text, from ``curve_charts``.
    tables : ablations, members. explanations : maps of single cases. sanity : ``Sanity.document()`` of their method.
    """

    data: str = ""
    statement: Mapping[str, str] = field(default_factory=dict)
    split: str = ""
    limits: Sequence[str] = ()
    fitting: Cost | None = None
    curves: Mapping[str, str] = field(default_factory=dict)
    tables: Sequence[Table] = ()
    explanations: Sequence[Picture] = ()
    sanity: Mapping[str, Any] | None = None

    def document(self) -> dict[str, Any]:
        """For JSON; charts and pictures are left to the HTML."""
        return {
            "data": self.data,
            "statement": dict(self.statement),
            "split": self.split,
            "limits": list(self.limits),
            "fitting": self.fitting.document() if self.fitting else None,
            "tables": [{"title": t.title, "header": list(t.header), "rows": [list(row) for row in t.rows]} for t in self.tables],
            "sanity": dict(self.sanity) if self.sanity else None,
        }


def details_of(recipe: Recipe, **further: Any) -> Details:
    """What the recipe itself says; ``further`` are other attributes of ``Details``, which win."""
    split = f"Parted {_PARTED[recipe.data.group.means]}"
    said = {"data": recipe.data.statement.strip(), "split": split, "limits": recipe.limits}
    return Details(**{**said, **further})

"""What is kept of a case after it was measured: everything but its voxels and masks."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from training.data.case import Case


@dataclass(frozen=True)
class Facts:
    """Name, group (a person or an examination: never in a document), traits, class."""

    name: str
    group: str
    traits: Mapping[str, str]
    class_index: int | None


def facts_of(case: Case) -> Facts:
    """The facts of a case."""
    return Facts(case.name, case.group, case.traits, case.class_index)

"""No group is parted by the split, and no part is empty."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from storage.base.errors import ConfigError
from training.data.entry import Entry
from training.data.splits.order import groups_of
from training.recipe import PartName


def check_groups_whole(entries: Sequence[Entry], parts: Mapping[str, PartName], means: str) -> None:
    """Each group in one part.

    Raises
    ------
    ConfigError
        Code ``leaking-split``, naming two cases of a group and their parts.
    """
    for members in groups_of([entry for entry in entries if entry.name in parts]).values():
        first = members[0]
        for other in members[1:]:
            if parts[other.name] != parts[first.name]:
                raise ConfigError(
                    f"data.split parts the cases of one {means} at {first.name} ({parts[first.name]}) and {other.name} "
                    f"({parts[other.name]}); move the boundary, or correct data.group",
                    code="leaking-split",
                )


def check_parts_filled(parts: Mapping[str, PartName]) -> None:
    """At least one case to train, to validate and to test.

    Raises
    ------
    ConfigError
        Code ``empty-part``.
    """
    held = set(parts.values())
    for part in ("train", "validate", "test"):
        if part not in held:
            raise ConfigError(
                f"data.split: no case is in the part {part}; correct the split or name the right --data", code="empty-part"
            )

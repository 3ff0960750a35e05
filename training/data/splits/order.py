"""The order that groups are drawn in: by a digest of seed and group's name, so that no case has a say in another's place."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Sequence

from storage.base.errors import ConfigError
from training.data.entry import Entry


def groups_of(entries: Sequence[Entry]) -> dict[str, list[Entry]]:
    """Entries by their group."""
    groups: dict[str, list[Entry]] = {}
    for entry in entries:
        groups.setdefault(entry.group, []).append(entry)
    return groups


def shuffled(groups: Sequence[str], seed: int) -> list[str]:
    """The groups by rising SHA-256 of seed and name."""
    return sorted(groups, key=lambda group: (hashlib.sha256(f"{seed}:{group}".encode()).digest(), group))


def strata(groups: dict[str, list[Entry]], trait: str) -> dict[str, list[str]]:
    """Groups by the commonest value of a trait in each; all in one stratum for an empty trait.

    Raises
    ------
    ConfigError
        Code ``data-invalid``: a case hasn't the trait.
    """
    found: dict[str, list[str]] = {}
    for group, entries in groups.items():
        found.setdefault(_commonest(entries, trait) if trait else "", []).append(group)
    return dict(sorted(found.items()))


def _commonest(entries: list[Entry], trait: str) -> str:
    for entry in entries:
        if trait not in entry.traits:
            known = ", ".join(sorted(entry.traits)) or "none"
            raise ConfigError(
                f"{entry.name}: has no trait {trait!r}, which data.split.stratify names; it has: {known}", code="data-invalid"
            )
    counts = Counter(entry.traits[trait] for entry in entries)
    return min(counts, key=lambda value: (-counts[value], value))

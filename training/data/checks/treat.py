"""What a recipe does about duplicates: end the run, keep them together, or drop some."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

from storage.base.errors import ConfigError
from training.data.checks.duplicates import Pair
from training.data.entry import Entry
from training.recipe import PartName
from training.recipe.data.split import Duplicates

_NAMED = 5
_NEAREST_TO_TEST = {"test": 0, "validate": 1, "train": 2}


@dataclass(frozen=True)
class Findings:
    """The pairs that were found, and the cases that were dropped for them, each with its reason."""

    pairs: Sequence[Pair] = ()
    dropped: Mapping[str, str] = field(default_factory=dict)
    merged_groups: int = 0


def treat(
    entries: Sequence[Entry], parts: Mapping[str, PartName], drawn: bool, pairs: Sequence[Pair], how: Duplicates
) -> tuple[list[Entry], Findings]:
    """The cases that stay, some with a wider group, and what was done.

    Parameters
    ----------
    parts : of each case; of no account where the split is ``drawn``, since it is drawn anew from what stays.

    Raises
    ------
    ConfigError
        Codes ``duplicates``, ``contradictions`` (the recipe doesn't say what to do), ``leaking-split`` (duplicates are to stay
        together, but a split that isn't drawn parts them).
    """
    against = [pair for pair in pairs if pair.contradiction]
    alike = [pair for pair in pairs if not pair.contradiction and not pair.one_group]
    if against and how.contradictions == "fail":
        _fail(
            against,
            parts,
            "whose labels contradict each other",
            "data.duplicates.contradictions to drop or keep",
            "contradictions",
        )
    if alike and how.treat == "fail":
        _fail(alike, parts, "of different groups", "data.duplicates.treat to group or drop", "duplicates")
    fixed = {} if drawn else parts
    dropped: dict[str, str] = {}
    if how.contradictions == "drop":
        for pair in against:
            _drop_both(pair, fixed, dropped)
    if how.treat == "drop":
        _drop_one(alike, fixed, dropped)
    staying = [entry for entry in entries if entry.name not in dropped]
    together = [*(alike if how.treat == "group" else ()), *(against if how.contradictions == "keep" and drawn else ())]
    together = [pair for pair in together if pair.first not in dropped and pair.second not in dropped]
    if not drawn:
        _check_together(together, parts)
    grouped, merged = _merged(staying, together)
    return grouped, Findings(pairs, dict(sorted(dropped.items())), merged)


def _fail(pairs: Sequence[Pair], parts: Mapping[str, PartName], what: str, mend: str, code: str) -> None:
    named = "; ".join(f"{pair.first} and {pair.second} ({pair.correlation:.4f})" for pair in pairs[:_NAMED])
    more = f", and {len(pairs) - _NAMED} more" if len(pairs) > _NAMED else ""
    apart = sum(parts.get(pair.first) != parts.get(pair.second) for pair in pairs)
    raise ConfigError(
        f"{len(pairs)} pairs of nearly the same image {what}, {apart} of them in two parts: {named}{more}; set {mend}", code=code
    )


def _drop_both(pair: Pair, fixed: Mapping[str, PartName], dropped: dict[str, str]) -> None:
    for name, other in ((pair.first, pair.second), (pair.second, pair.first)):
        if fixed.get(name) != "test":
            dropped[name] = f"its labels contradict those of {other}"


def _drop_one(pairs: Sequence[Pair], fixed: Mapping[str, PartName], dropped: dict[str, str]) -> None:
    """Keep what is nearest to the test, then what comes first by name, as long as nothing kept is like it."""
    like: dict[str, set[str]] = {}
    for pair in pairs:
        like.setdefault(pair.first, set()).add(pair.second)
        like.setdefault(pair.second, set()).add(pair.first)
    for name, others in _equals(pairs).items():
        like[name] |= others
    kept: set[str] = set()
    for name in sorted(like, key=lambda name: (_NEAREST_TO_TEST.get(fixed.get(name, ""), 0), name)):
        if name in dropped:
            continue
        rivals = sorted(like[name] & kept)
        if rivals and fixed.get(name) != "test":
            dropped[name] = f"nearly the same image as {rivals[0]}"
        else:
            kept.add(name)


def _equals(pairs: Sequence[Pair]) -> dict[str, set[str]]:
    """The other images that each one equals: of three equal ones the pairs may name but the first with each of the others."""
    classes: dict[str, set[str]] = {}
    for pair in pairs:
        if pair.exact:
            united = classes.get(pair.first, {pair.first}) | classes.get(pair.second, {pair.second})
            classes |= dict.fromkeys(united, united)
    return {name: united - {name} for name, united in classes.items()}


def _check_together(pairs: Sequence[Pair], parts: Mapping[str, PartName]) -> None:
    for pair in pairs:
        if parts[pair.first] != parts[pair.second]:
            raise ConfigError(
                f"data.duplicates.treat is group, but data.split puts {pair.first} in {parts[pair.first]} and {pair.second}, "
                f"nearly the same image, in {parts[pair.second]}; drop duplicates, or draw the split",
                code="leaking-split",
            )


def _merged(entries: Sequence[Entry], pairs: Sequence[Pair]) -> tuple[list[Entry], int]:
    """Entries whose groups are united wherever a pair joins them, each named by the first of its groups."""
    group_of = {entry.name: entry.group for entry in entries}
    root = {group: group for group in group_of.values()}

    def find(group: str) -> str:
        while root[group] != group:
            group = root[group]
        return group

    merged = 0
    for pair in pairs:
        first, second = sorted((find(group_of[pair.first]), find(group_of[pair.second])))
        merged += first != second
        root[second] = first
    return [replace(entry, group=find(entry.group)) for entry in entries], merged

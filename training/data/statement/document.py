"""The data statement: what a data set holds, what was found in it and what isn't known, as one document and as text."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from training.data.checks.duplicates import Pair
from training.data.dataset import PARTS, DataSet
from training.data.statement.figures import counts, geometry, intensity, label_figures, spread
from training.data.statement.outliers import LIMIT, outliers
from training.data.statement.text import as_markdown
from training.data.statement.words import grouping_words, split_words, unknown


@dataclass(frozen=True)
class Statement:
    """``document`` goes into JSON, ``text`` is Markdown; both are the same for the same data and recipe."""

    document: Mapping[str, Any]
    text: str


def make_statement(dataset: DataSet) -> Statement:
    """State a data set; phantoms are painted for it."""
    facts, recipe = dataset.facts, dataset.recipe
    parts = {part: dataset.of(part) for part in PARTS}
    names = [str(label["name"]) for label in recipe.package["labels"]]
    known = [facts[entry.name] for entry in dataset.entries]
    masked = any(fact.label_voxels is not None for fact in known)
    document = {
        "source": recipe.data.kind,
        "said_by_its_makers": " ".join(recipe.data.statement.split()),
        "all": counts(dataset.entries) | {"in_no_part": dataset.left_out},
        "parts": {part: counts(members) for part, members in parts.items()},
        "split": split_words(dataset),
        "grouping": {"means": recipe.data.group.means, "by": recipe.data.group.by, "words": grouping_words(recipe.data.group)},
        "geometry": geometry(known),
        "intensity": {part: intensity([facts[entry.name] for entry in members]) for part, members in parts.items()}
        | {"all": intensity(known)},
        "unit_of_labels": "mm²" if all(fact.size_kji[0] == 1 for fact in known) else "mm³",
        "labels": {name: label_figures(value, parts, facts) for value, name in enumerate(names, 1)} if masked else {},
        "truths": _truths(dataset),
        "one_value_alone": [entry.name for entry in dataset.entries if facts[entry.name].scale == 0],
        "outlier_limit": LIMIT,
        "outliers": [asdict(outlier) for outlier in outliers(dataset.entries, facts, names if masked else ())],
        "duplicates": _duplicates(dataset),
        "unknown": unknown(dataset),
    }
    return Statement(document, as_markdown(document))


def _truths(dataset: DataSet) -> dict[str, Any]:
    names = sorted({truth for entry in dataset.entries for truth in entry.truths})
    return {name: spread(entry.truths[name] for entry in dataset.entries if name in entry.truths) for name in names}


def _duplicates(dataset: DataSet) -> dict[str, Any]:
    how, findings = dataset.recipe.data.duplicates, dataset.findings
    if how is None:
        return {"checked": False}
    return {
        "checked": True,
        "correlation": how.correlation,
        "side": how.side,
        "treat": how.treat,
        "treat_contradictions": how.contradictions,
        "count": len(findings.pairs),
        "equal": sum(pair.exact for pair in findings.pairs),
        "within_one_group": sum(pair.one_group for pair in findings.pairs),
        "contradictions": dict(sorted(Counter(pair.contradiction for pair in findings.pairs if pair.contradiction).items())),
        "pairs": [_told(pair) for pair in findings.pairs],
        "groups_united": findings.merged_groups,
        "dropped": dict(findings.dropped),
    }


def _told(pair: Pair) -> dict[str, Any]:
    return {key: value for key, value in asdict(pair).items() if value not in ("", False)}

"""The data statement as Markdown, for reports and model cards."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

_SHOWN = 20
_SHOWN_OUTLIERS = 4


def as_markdown(document: Mapping[str, Any]) -> str:
    """All sections, without a title of their own above the third level."""
    sections = [
        document["said_by_its_makers"],
        "### Cases\n\n" + _cases(document),
        "### Images\n\n" + _images(document),
        *(["### Labels\n\n" + _labels(document)] if document["labels"] or document["truths"] else []),
        "### Duplicates\n\n" + _duplicates(document["duplicates"]),
        "### Outliers\n\n" + _outliers(document),
        "### Not known\n\n" + "\n".join(f"- {line}" for line in document["unknown"]),
    ]
    return "\n\n".join(sections) + "\n"


def _cases(document: Mapping[str, Any]) -> str:
    every = document["all"]
    columns = [(trait, value) for trait, values in every["traits"].items() if len(values) <= _SHOWN for value in values]
    head = ["Part", "cases", "groups", *(f"{trait}: {value}" for trait, value in columns)]
    rows = [
        [part, told["cases"], told["groups"], *(told["traits"].get(trait, {}).get(value, 0) for trait, value in columns)]
        for part, told in (*document["parts"].items(), ("all", every))
    ]
    lines = [_table(head, rows), "", f"{document['split']} {document['grouping']['words']}"]
    if every["in_no_part"]:
        lines.append(f"{every['in_no_part']} further cases are in no part and were not read.")
    return "\n".join(lines)


def _images(document: Mapping[str, Any]) -> str:
    geometry = document["geometry"]
    rows = [[f"{axis}", _spread(geometry["size"][axis]), _spread(geometry["spacing_mm"][axis])] for axis in geometry["size"]]
    lines = [_table(["Axis", "voxels: median (range)", "spacing in mm"], rows), ""]
    percents = list(document["intensity"]["all"]["percentiles"])
    table = [
        [part, *(_spread(told["percentiles"][percent]) for percent in percents), _number(told["scale_ratio"])]
        for part, told in document["intensity"].items()
    ]
    lines += [_table(["Intensity", *percents, "scales differ by a factor of"], table), ""]
    lines.append("Percentiles are of each case, given as median (range) over the cases; a scale is the width from p0.5 to p99.5.")
    if document["one_value_alone"]:
        lines.append(f"Of one value alone: {_names(document['one_value_alone'])}.")
    return "\n".join(lines)


def _labels(document: Mapping[str, Any]) -> str:
    unit = document["unit_of_labels"]
    rows = [
        [name, part, f"{told['held_by']} of {told['of']}", _spread(told["volume"])]
        for name, parts in document["labels"].items()
        for part, told in parts.items()
    ]
    lines = [_table(["Label", "part", "held by", f"{unit}: median (range) where held"], rows)] if rows else []
    lines += [f"\n{name}: {_spread(told)} (median and range)." for name, told in document["truths"].items()]
    return "\n".join(lines)


def _duplicates(told: Mapping[str, Any]) -> str:
    if not told["checked"]:
        return "Not checked."
    lines = [
        f"{told['count']} pairs of cases are nearly the same image (correlation above {told['correlation']:g} at {told['side']} "
        f"pixels an axis, half of that for volumes): {told['equal']} equal, {told['within_one_group']} within one group, "
        f"{sum(told['contradictions'].values())} whose labels contradict each other. By the recipe: {told['treat']}, "
        f"contradictions: {told['treat_contradictions']}; {len(told['dropped'])} cases dropped, {told['groups_united']} groups "
        "united with another."
    ]
    against = [pair for pair in told["pairs"] if pair.get("contradiction")]
    if against:
        lines.append(
            "\nContradictory: " + _names(f"{p['first']} and {p['second']} ({p['contradiction']})" for p in against) + "."
        )
    others = [pair for pair in told["pairs"] if not pair.get("contradiction")]
    if others:
        lines.append("\nAlike: " + _names(f"{p['first']} and {p['second']}" for p in others) + ".")
    if told["dropped"]:
        lines.append("\nDropped: " + _names(told["dropped"]) + ".")
    return "\n".join(lines)


def _outliers(document: Mapping[str, Any]) -> str:
    found = document["outliers"]
    if not found:
        return f"No case is further than {document['outlier_limit']} modified z-scores from the rest."
    kinds: dict[str, list[Mapping[str, Any]]] = {}
    for told in found:
        kinds.setdefault(told["what"], []).append(told)
    rows = [
        [what, len(cases), told["case"], _number(told["value"]), _number(told["usual"]), told["z"]]
        for what, cases in kinds.items()
        for told in cases[:_SHOWN_OUTLIERS]
    ]
    table = _table(["By", "cases", f"the farthest {_SHOWN_OUTLIERS}", "value", "median", "modified z of the logarithm"], rows)
    return f"{len({told['case'] for told in found})} cases stand apart by more than {document['outlier_limit']}.\n\n{table}"


def _names(names: Iterable[str]) -> str:
    listed = list(names)
    more = f" and {len(listed) - _SHOWN} more" if len(listed) > _SHOWN else ""
    return ", ".join(listed[:_SHOWN]) + more


def _table(head: Sequence[str], rows: Iterable[Sequence[Any]]) -> str:
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join("| " + " | ".join(str(cell).replace("|", "\\|") for cell in line) + " |" for line in lines)


def _spread(told: Mapping[str, float] | None) -> str:
    if told is None:
        return "none"
    if told["least"] == told["greatest"]:
        return _number(told["median"])
    return f"{_number(told['median'])} ({_number(told['least'])} to {_number(told['greatest'])})"


def _number(value: float | None) -> str:
    return "none" if value is None else f"{value:.4g}" if abs(value) < 1e4 else f"{value:,.0f}"

"""One report of an evaluation: a self-contained page and the same figures as JSON. Nothing in it is fetched from anywhere."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from storage.base.errors import ConfigError
from training.evaluate.figures.bootstrap import LEAST_GROUPS, Figure
from training.evaluate.figures.classes import NONE
from training.evaluate.figures.sizes import unit_symbol
from training.evaluate.headline import headline, ways_shown
from training.evaluate.page.details import Details
from training.evaluate.page.rates import rate_tables, without_rates
from training.evaluate.page.wording import interval, metric_name, number, shown
from training.evaluate.results import AS_IS, Evaluation, Figures


def write_report(evaluation: Evaluation, folder: Path, details: Details | None = None) -> Path:
    """Write ``report.html`` and ``report.json`` into a folder, which is made where it is missing.

    Returns
    -------
    The page's path.

    Raises
    ------
    ConfigError
        Code ``not-writable``.
    """
    details = details or Details()
    document = {**evaluation.document(), "ledger": evaluation.ledger(), **details.document()}
    page = folder / "report.html"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        page.write_text(html(evaluation, details), encoding="utf-8")
        text = json.dumps(document, indent=2, ensure_ascii=False, allow_nan=False)
        (folder / "report.json").write_text(text + "\n", encoding="utf-8")
    except OSError as error:
        raise ConfigError(f"{folder}: can't be written ({error.strerror}); name another folder", code="not-writable") from error
    return page


def html(evaluation: Evaluation, details: Details) -> str:
    """The page."""
    environment = Environment(
        loader=PackageLoader("training.evaluate"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters["number"] = number
    subject = evaluation.subject
    return environment.get_template("report.html").render(
        subject=subject,
        details=details,
        cases=len(evaluation.cases[AS_IS]),
        least_groups=LEAST_GROUPS,
        size_unit=unit_symbol(subject.size_unit),
        headline=list(_headline(evaluation)),
        baseline=evaluation.comparison.name if evaluation.comparison else "",
        further=list(_further(evaluation)),
        figures={way: list(_figures(evaluation.figures[way], evaluation)) for way in ways_shown(evaluation)},
        repeated=[way for way in evaluation.figures if way not in ways_shown(evaluation)],
        strata=_strata(evaluation),
        by_size=rate_tables(evaluation.strata),
        calibration=evaluation.calibration,
        findings=evaluation.calibration.get("findings", ()),
        confusion=evaluation.confusion,
        classes=(NONE, *(subject.classes or subject.labels)),
        agreement={name: found.document() for name, found in evaluation.agreement.items()},
        charts={title: Markup(chart) for title, chart in evaluation.charts.items()},  # noqa: S704  our own svg, escaped there
        curves={title: Markup(chart) for title, chart in details.curves.items()},  # noqa: S704
        pictures=evaluation.pictures,
        ledger=evaluation.ledger(),
    )


def _headline(evaluation: Evaluation) -> Iterator[dict[str, Any]]:
    """One row a figure; where there is a baseline, its figure and the difference beside it."""
    compared = evaluation.comparison
    for line in headline(evaluation):
        metric = line.metric
        row = _row(line.subject, metric, line.figure, evaluation) | {"way": line.way}
        theirs = compared.figures.get(line.subject, {}).get(metric) if compared and line.way == AS_IS else None
        if compared and theirs:
            gap = compared.differences[line.subject][metric]
            row |= {"baseline": shown(metric, theirs), "gap": shown(metric, gap), "gap_interval": interval(metric, gap)}
        yield row


def _further(evaluation: Evaluation) -> Iterator[dict[str, Any]]:
    """One row a figure of a further baseline."""
    for compared in evaluation.further:
        for subject, metrics in compared.figures.items():
            for metric, theirs in metrics.items():
                gap = compared.differences[subject][metric]
                told = {"gap": shown(metric, gap), "gap_interval": interval(metric, gap)}
                yield _row(subject, metric, theirs, evaluation) | told | {"name": compared.name}


def _figures(figures: Figures, evaluation: Evaluation) -> Iterator[dict[str, Any]]:
    for name, metrics in figures.items():
        for metric, figure in metrics.items():
            yield _row(name, metric, figure, evaluation)


def _row(name: str, metric: str, figure: Figure, evaluation: Evaluation) -> dict[str, Any]:
    return {
        "subject": name,
        "metric": metric_name(metric, evaluation.subject),
        "value": shown(metric, figure),
        "interval": interval(metric, figure),
        "cases": figure.cases,
        "groups": figure.groups,
    }


def _strata(evaluation: Evaluation) -> dict[str, list[dict[str, Any]]]:
    """By trait, or by the label whose size it is."""
    found: dict[str, list[dict[str, Any]]] = {}
    for row in without_rates(evaluation.strata):
        entry = _row(row.subject, row.metric, row.figure, evaluation) | {"part": row.value}
        found.setdefault(row.key, []).append(entry)
    return found

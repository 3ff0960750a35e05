"""What a run leaves for people: ``report.html``, the package's card, and the figures of an ensemble's members beside it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from inference.engine.package import LoadedModel, load_package
from training.data import DataSet, Statement, make_statement
from training.evaluate.baselines.fit import Baseline, fit_baseline
from training.evaluate.baselines.uptake import UptakeBaseline
from training.evaluate.headline import AT_THRESHOLD, Headline, headline
from training.evaluate.measure import evaluate
from training.evaluate.page.curves import curve_charts
from training.evaluate.page.details import Details, Table, details_of
from training.evaluate.results import AS_IS, Evaluation
from training.export.package import export_package
from training.recipe import Recipe
from training.run.member import Desk
from training.run.networks import Fitted, Member


@dataclass(frozen=True)
class Measured:
    """A package measured: its figures, and what the report tells beside them."""

    evaluation: Evaluation
    statement: Statement
    details: Details


def measure(recipe: Recipe, model: LoadedModel, dataset: DataSet, desk: Desk, **further: Any) -> Measured:
    """Figures of a package on the test part, beside those of a simple baseline that learnt from the training part.

    Parameters
    ----------
    further : attributes of ``Details``.
    """
    baseline = baseline_of(recipe, dataset, desk) if recipe.evaluation.baseline else None
    cases = desk.track.cases("testing", dataset.cases("test"))
    evaluation = evaluate(model, recipe, cases, baseline=baseline, clock=desk.clock)
    statement = make_statement(dataset)
    return Measured(evaluation, statement, details_of(recipe, statement=_told(statement.document), **further))


def baseline_of(recipe: Recipe, dataset: DataSet, desk: Desk) -> dict[str, Baseline]:
    """The simple thing that a network has to be clearly above, by task."""
    if recipe.evaluation.baseline == "uptake":
        return {recipe.task: UptakeBaseline(recipe.provisional_manifest())}
    return {
        head: fit_baseline(head, recipe.of_head(head).classes, desk.track.cases("reading", dataset.cases("train")))
        for head in recipe.heads
    }


def members_table(recipe: Recipe, fitted: Fitted, whole: Evaluation, dataset: DataSet, desk: Desk) -> Table | None:
    """Headline figures of each member alone and of what was made of them, on the same test cases; None for a single network."""
    if len(fitted.members) < 2:
        return None
    told = _compared(whole)
    rows = []
    for number, member in enumerate(fitted.members, start=1):
        found = _alone(recipe, member, dataset, desk)
        rows.append([f"member {number}", *(line.figure.text() for line in _compared(found))])
    combined = "mean of the weights" if len(fitted.networks) == 1 else "ensemble"
    rows.append([combined, *(line.figure.text() for line in told)])
    header = ["", *(line.what for line in told)]
    note = "Each member learnt from all folds but one; the test part is in no fold. Cases as they are."
    return Table("Members", header, rows, note)


def _compared(evaluation: Evaluation) -> list[Headline]:
    """Lines that a member has too: it was given no thresholds of its own."""
    return [line for line in headline(evaluation) if line.way == AS_IS and line.metric not in AT_THRESHOLD]


def _alone(recipe: Recipe, member: Member, dataset: DataSet, desk: Desk) -> Evaluation:
    """A member's own package, measured."""
    package = member.folder.package(recipe.name)
    export_package(recipe, [member.network], package)
    return evaluate(load_package(package), recipe, desk.track.cases("testing", dataset.cases("test")), clock=desk.clock)


def curves_of(fitted: Fitted) -> dict[str, str]:
    """Loss and validation curves; of each member where there are several."""
    charts: dict[str, str] = {}
    for number, member in enumerate(fitted.members, start=1):
        prefix = f"Fold {number}: " if len(fitted.members) > 1 else ""
        charts |= {prefix + title: chart for title, chart in curve_charts(member.folder.metrics).items()}
    return charts


def _told(document: Mapping[str, Any]) -> dict[str, str]:
    """The data statement in a few lines, by name."""
    parts = ", ".join(f"{part} {told['cases']} ({told['groups']} groups)" for part, told in document["parts"].items())
    told = {"Cases": parts, "Split": str(document["split"]), "Groups": str(document["grouping"]["words"])}
    if document["unknown"]:
        told["Not known"] = " ".join(document["unknown"])
    return told

"""The model card: what a package is for, what it learnt from, how good it was measured to be, and where it ends."""

from __future__ import annotations

from dataclasses import dataclass

from training.evaluate.calibrate import Calibrated
from training.evaluate.cost import Cost
from training.evaluate.results import Evaluation
from training.plan import Plan
from training.recipe import Recipe
from training.recipe.data import PhantomData, RangeSplit
from training.transfer import Provenance


@dataclass(frozen=True)
class Making:
    """How a package came to be: its plan, what fitting cost, how it was calibrated, and what its weights began as."""

    plan: Plan
    cost: Cost | None = None
    calibrated: Calibrated | None = None
    provenance: Provenance | None = None


def model_card(recipe: Recipe, evaluation: Evaluation, making: Making) -> str:
    """Markdown."""
    manifest = recipe.manifest()
    return "\n".join(
        [
            f"# {manifest.title} ({manifest.name} {manifest.version})",
            "",
            f"**Not for clinical use.** {manifest.intended_use.removeprefix('Not for clinical use. ')}",
            "",
            "## Labels",
            "",
            *_labels(recipe),
            "",
            "## Data",
            "",
            recipe.data.statement.strip(),
            "",
            f"{_split(recipe)} No case of one part was used in another.",
            "",
            "## Measured on the test part",
            "",
            *_figures(evaluation),
            "",
            f"{len(evaluation.cases['as is'])} cases, each from its own grid and back onto it, by the code that the node runs.",
            "`docs/test.json` holds every case.",
            "",
            "## Limits",
            "",
            *(f"- {limit}" for limit in recipe.limits),
            "",
            "## How it was made",
            "",
            *_making(recipe),
            "",
            "## Licence",
            "",
            f"Weights: {manifest.weights_licence}. {manifest.attribution.strip()}",
            "",
        ]
    )


def _labels(recipe: Recipe) -> list[str]:
    rows = ["| Value | Name | Code | Side |", "| --- | --- | --- | --- |"]
    for label in recipe.manifest().labels:
        code = f"{label.type.value} {label.type.scheme} {label.type.meaning}"
        rows.append(f"| {label.value} | {label.name} | {code} | {label.laterality or 'not stated'} |")
    return rows


def _split(recipe: Recipe) -> str:
    split = recipe.data.split
    if not isinstance(split, RangeSplit):
        return f"Split by {recipe.data.group.means}."
    ranges = {"training": split.train, "validation": split.validate_, "test": split.test}
    listed = ", ".join(f"{name} {first} to {last}" for name, (first, last) in ranges.items())
    return f"Split by case number: {listed}."


def _figures(evaluation: Evaluation) -> list[str]:
    rows = ["| Figure | Cases | Mean | 95 % interval | Number |", "| --- | --- | --- | --- | --- |"]
    for line in evaluation.headline():
        figure = line.figure
        interval = "too few" if figure.low is None or figure.high is None else f"{figure.low:.3f} to {figure.high:.3f}"
        rows.append(f"| {line.what} | {line.way} | {figure.value:.3f} | {interval} | {figure.cases} |")
    return rows


def _making(recipe: Recipe) -> list[str]:
    manifest = recipe.manifest()
    data = "" if isinstance(recipe.data, PhantomData) else " --data DIR"
    extent = recipe.fit.extent
    arguments = ", ".join(f"{key} {value}" for key, value in manifest.network.arguments.items())
    return [
        f"    python -m training train training/recipes/{manifest.name}.yaml{data}",
        "",
        f"{extent.steps} steps of {extent.batch} patches of {' x '.join(map(str, extent.patch))} voxels, AdamW,",
        f"averaged weights, seed {recipe.seed}; network {manifest.network.name} ({arguments}); weights stored in half precision.",
    ]

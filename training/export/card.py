"""The model card: what a package is for, what it learnt from, how good it was measured to be, what it cost, where it ends."""

from __future__ import annotations

from dataclasses import dataclass

import torch

from inference.manifest import Manifest
from training.data import Statement
from training.evaluate.calibrate import Calibrated
from training.evaluate.cost import Cost
from training.evaluate.detected.thresholds import Chosen
from training.evaluate.headline import headline, ways_shown
from training.evaluate.page.details import Table
from training.evaluate.results import AS_IS, MIRRORED, Evaluation
from training.export.package import precision_of
from training.export.parity import Parity
from training.plan import Plan, made_from
from training.recipe import Recipe
from training.recipe.data import MadeData
from training.transfer import Provenance


@dataclass(frozen=True)
class Making:
    """How a package came to be: its plan, what fitting cost, how it was calibrated, what its weights began as, how near it is to
    the networks it was made of, what its data hold, and the members of an ensemble.
    """

    plan: Plan
    cost: Cost | None = None
    calibrated: Calibrated | None = None
    provenance: Provenance | None = None
    parity: Parity | None = None
    statement: Statement | None = None
    members: Table | None = None
    chosen: Chosen | None = None


def model_card(recipe: Recipe, evaluation: Evaluation, making: Making) -> str:
    """Markdown."""
    manifest = recipe.manifest()
    use = manifest.intended_use.removeprefix("Not for clinical use. ")
    sections = {
        "": [f"**Not for clinical use.** {use}" if not manifest.clinical_use else use],
        "Inputs": _inputs(manifest),
        "Labels": _labels(manifest),
        "Data": [making.statement.text.strip() if making.statement else recipe.data.statement.strip()],
        "Measured on the test part": _figures(evaluation, making),
        "Calibration": _calibration(making.calibrated) + _chosen(making.chosen),
        "Limits": [f"- {limit}" for limit in recipe.limits],
        "How it was made": _making(recipe, making),
        "What it cost": _cost(evaluation, making),
        "Licence": _licence(manifest, making.provenance),
    }
    lines = [f"# {manifest.title} ({manifest.name} {manifest.version})", ""]
    for title, body in sections.items():
        if body:
            lines += [*([f"## {title}", ""] if title else []), *body, ""]
    return "\n".join(lines)


def _inputs(manifest: Manifest) -> list[str]:
    """Of several inputs what each is, and which may be missing."""
    if len(manifest.inputs) == 1:
        return []
    rows = ["| Name | Modality | |", "| --- | --- | --- |"]
    for given in manifest.inputs:
        told = "the reference: the result lies on its grid" if given is manifest.reference_input else ""
        rows.append(f"| {given.name} | {' or '.join(given.modality)} | {'may be missing' if given.optional else told} |")
    return rows


def _labels(manifest: Manifest) -> list[str]:
    rows = ["| Value | Name | Code | Side |", "| --- | --- | --- | --- |"]
    for label in (*manifest.labels, *manifest.classes):
        code = f"{label.type.value} {label.type.scheme} {label.type.meaning}"
        rows.append(f"| {label.value} | {label.name} | {code} | {label.laterality or 'not stated'} |")
    return rows


def _figures(evaluation: Evaluation, making: Making) -> list[str]:
    rows = ["| Figure | Cases | Mean | 95 % interval | Number |", "| --- | --- | --- | --- | --- |"]
    for line in headline(evaluation):
        figure = line.figure
        interval = "too few" if figure.low is None or figure.high is None else f"{figure.low:.3f} to {figure.high:.3f}"
        rows.append(f"| {line.what} | {line.way} | {figure.value:.3f} | {interval} | {figure.cases} |")
    count = len(evaluation.cases[AS_IS])
    repeated = MIRRORED in evaluation.figures and MIRRORED not in ways_shown(evaluation)
    alike = " Mirrored cases give the same figures." if repeated else ""
    rows += [
        "",
        f"{count} cases, each from its own grid and back onto it, by the code that the node runs. No case of the test",
    ]
    rows += [f"part was used to fit, to choose or to calibrate.{alike} `docs/test.json` holds every case and figure."]
    return rows + (_table(making.members) if making.members else [])


def _table(table: Table) -> list[str]:
    rows = ["", f"### {table.title}", "", f"| {' | '.join(table.header)} |", f"|{' --- |' * len(table.header)}"]
    return [*rows, *(f"| {' | '.join(row)} |" for row in table.rows), "", table.note]


def _calibration(found: Calibrated | None) -> list[str]:
    if found is None:
        return []
    thresholds = ", ".join(f"{value:.3f}" for value in found.thresholds)
    return [
        f"Temperature {found.temperature:.3f} and thresholds {thresholds} come from {found.cases} held-out cases; a threshold",
        "has the largest sum of sensitivity and specificity (Youden 1950).",
        f"Calibration error {found.error_before:.3f} before and {found.error_after:.3f} after, negative log-likelihood "
        f"{found.nll_before:.3f} and {found.nll_after:.3f}, on those cases.",
    ]


def _chosen(found: Chosen | None) -> list[str]:
    if found is None:
        return []
    thresholds = ", ".join(f"{value:.4f}" for value in found.rules.thresholds)
    lines = [
        f"A box is a finding from the score {thresholds} on (by label); each has the greatest F1 on {found.cases} held-out cases."
    ]
    if found.unfounded:
        lines.append(f"No box was right there for label {', '.join(map(str, found.unfounded))}, whose threshold is a guess.")
    return lines


def _making(recipe: Recipe, making: Making) -> list[str]:
    manifest, extent = recipe.manifest(), recipe.fit.extent
    data = "" if isinstance(recipe.data, MadeData) else " --data DIR"
    arguments = ", ".join(f"{key} {value}" for key, value in manifest.network.arguments.items())
    stored = "single" if precision_of(recipe) == torch.float32 else "half"
    network = f"network {manifest.network.name} ({arguments})"
    lines = [
        f"    wetread train {made_from(manifest.name, making.plan)}{data}",
        "",
        f"{extent.steps} steps of {extent.batch} patches of {' x '.join(map(str, extent.patch))} voxels, {recipe.fit.optimizer},",
        f"averaged weights, seed {recipe.seed}; {network}; weights stored in {stored} precision.",
    ]
    if recipe.ensemble.folds:
        combined = "their weights averaged" if recipe.ensemble.combine == "weights" else "their scores averaged"
        lines.append(f"{recipe.ensemble.folds} members, one for each fold of training and validation part together, {combined}.")
    if making.parity is not None:
        found = making.parity
        lines.append(f"Trainer and node differ by at most {found.difference:.2g} (bound {found.bound:g}) on {found.cases} cases.")
    decisions = [f"- `{one.key}`: {one.value}: {one.why}" for one in making.plan.decisions]
    return lines + (["", "Decided by self-configuration:", "", *decisions] if decisions else [])


def _cost(evaluation: Evaluation, making: Making) -> list[str]:
    ledger = evaluation.ledger()
    lines = [f"{ledger['parameters']:,} weights. `docs/ledger.json` holds the cost of fitting and measuring."]
    if making.cost is not None:
        cost = making.cost
        lines.append(
            f"Fitting, in the last go: {cost.seconds:.0f} s, {cost.cpu_seconds:.0f} s of processor time, {cost.peak_mib:.0f} MiB "
            f"at the most, {cost.energy_wh:.2g} Wh ({cost.energy_source})."
        )
    return lines


def _licence(manifest: Manifest, provenance: Provenance | None) -> list[str]:
    lines = [f"Configuration: {manifest.licence}. Weights: {manifest.weights_licence}. {manifest.attribution.strip()}".strip()]
    if provenance is not None:
        lines += ["", f"The weights began as those of {provenance.text}, under {provenance.licence}."]
    return lines

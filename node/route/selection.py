"""Which Series of a study a rule gives to the inputs of its model. Pure: values in, names of inputs and UIDs out.

``when`` has chosen the reference. Each further input takes the one Series of its modality for which the rule's condition of
that input holds; where the rule has none, the one in the reference's frame of reference. Two or more are never chosen between:
nothing runs then, and the reason says how to mend the rule. None is enough for an optional input alone.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from inference.manifest import Input, Manifest
from node.route.rules.compile import CompiledRule
from node.route.rules.judge import MAX_LISTED, judge
from node.route.rules.values import SeriesValues

FRAME = "FrameOfReferenceUID"
"""What the values of a ``Candidate`` must hold besides the names of the rules."""


@dataclass(frozen=True)
class Candidate:
    """One Series of the study that this node didn't make."""

    series_instance_uid: str
    modality: str
    values: SeriesValues


@dataclass(frozen=True)
class Selection:
    """``inputs``: Series Instance UIDs by input name. ``obstacle``: why the model can't run on them, "" where it can.

    ``said``: what was chosen and what is left out, in words; "" for a model of one input. ``trace`` is plain JSON.
    """

    inputs: dict[str, str] = field(default_factory=dict)
    obstacle: str = ""
    said: str = ""
    trace: dict[str, Any] = field(default_factory=dict)


def choose_inputs(rule: CompiledRule, manifest: Manifest, reference: Candidate, study: Sequence[Candidate]) -> Selection:
    """The Series of every input.

    Parameters
    ----------
    reference : the Series for which ``when`` holds.
    study : every Series of the same revision of the study, the reference among them or not.
    """
    name = manifest.name
    first = manifest.reference_input
    if reference.modality not in first.modality:
        of = reference.modality or "of no modality"
        return Selection(obstacle=f"model {name} takes {' or '.join(first.modality)} and the series is {of}")
    complaints = input_complaints(rule.rule.inputs, manifest)
    if complaints:
        return Selection(obstacle="; ".join(complaints.values()))
    inputs, said, trace = {first.name: reference.series_instance_uid}, [], {}
    others = [c for c in study if c.series_instance_uid != reference.series_instance_uid]
    for wanted in manifest.further_inputs:
        fitting, why_none = _fitting(rule, wanted, reference, others)
        trace[wanted.name] = {"candidates": [c.series_instance_uid for c in fitting], "chosen_by": _by(rule, wanted)}
        if len(fitting) == 1:
            inputs[wanted.name] = fitting[0].series_instance_uid
            said.append(f"with {wanted.name} {inputs[wanted.name]}")
        elif not fitting and wanted.optional:
            said.append(f"without {wanted.name}, which is optional: {why_none}")
        else:
            obstacle = _too_many(wanted, fitting) if fitting else f"input {wanted.name} is missing: {why_none}"
            return Selection(obstacle=obstacle, trace=trace)
    return Selection(
        {i.name: inputs[i.name] for i in manifest.inputs if i.name in inputs}, _twice(inputs), ", ".join(said), trace
    )


def input_complaints(named: Sequence[str] | dict[str, str], manifest: Manifest) -> dict[str, str]:
    """What is wrong with names under ``inputs`` of a rule, by name; empty where all are further inputs of the model."""
    further = [given.name for given in manifest.further_inputs]
    known = f"it has {', '.join(further)}" if further else "it takes one series, which `when` chooses"
    complaints = {}
    for name in named:
        if name == manifest.reference_input.name:
            complaints[name] = f"{name} is the reference of model {manifest.name}, which `when` chooses; take it out of inputs"
        elif name not in further:
            complaints[name] = f"model {manifest.name} has no further input {name}; {known}"
    return complaints


def _fitting(rule: CompiledRule, wanted: Input, reference: Candidate, others: Sequence[Candidate]) -> tuple[list[Candidate], str]:
    """The Series that fit an input, and why there is none in case there is none."""
    kinds = " or ".join(wanted.modality)
    able = [c for c in others if c.modality in wanted.modality]
    if not able:
        return [], f"the study has no {'further ' if reference.modality in wanted.modality else ''}{kinds} series"
    condition = rule.inputs.get(wanted.name)
    if condition is None:
        frame = reference.values.values.get(FRAME)
        near = [c for c in able if frame and c.values.values.get(FRAME) == frame]
        return near, f"{len(able)} {kinds} series, none in the frame of reference of {reference.series_instance_uid}"
    judged = [judge(condition, c.values) for c in able]
    holds = [c for c, judgement in zip(able, judged, strict=True) if judgement.matched]
    why = judged[0].reason if len(able) == 1 else "its condition holds for none of them"
    return holds, f"{len(able)} {kinds} series, but {why}"


def _by(rule: CompiledRule, wanted: Input) -> str:
    return "the rule's condition" if wanted.name in rule.inputs else "modality and frame of reference"


def _too_many(wanted: Input, fitting: Sequence[Candidate]) -> str:
    listed = ", ".join(c.series_instance_uid for c in fitting[:MAX_LISTED]) + (", …" if len(fitting) > MAX_LISTED else "")
    return (
        f"{len(fitting)} series fit input {wanted.name} ({listed}); give the rule a condition under inputs.{wanted.name} "
        "that holds for one of them, such as of SeriesDescription"
    )


def _twice(inputs: dict[str, str]) -> str:
    names: dict[str, str] = {}
    for name, uid in inputs.items():
        other = names.setdefault(uid, name)
        if other != name:
            return f"inputs {other} and {name} come to the same series {uid}; make their conditions under inputs differ"
    return ""

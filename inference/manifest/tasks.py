"""What a manifest must say for its task, and what belongs to another one."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Literal

from inference.manifest.parts import Classification, Detection, Measure, Postprocess

Task = Literal["segmentation", "classification", "detection", "multitask"]

Rules = Classification | Detection


def check_rules(task: Task, heads: Sequence[str], rules: Mapping[str, Rules | None], counts: Mapping[str, int]) -> None:
    """Refuse rules that are missing, of a task that the network doesn't have, or not one for each of what it tells apart.

    Parameters
    ----------
    heads : the tasks that the network answers.
    rules : the value of the key that a task has for itself, by the task. counts : of what each tells apart.

    Raises
    ------
    ValueError
        Naming key, fault and mend.
    """
    for key, stated in rules.items():
        if key not in heads:
            if stated is not None:
                raise ValueError(f"{key}: must be null for a {task}")
        elif stated is None:
            raise ValueError(f"{key}: is missing; a {key} needs its thresholds")
        elif len(stated.thresholds) != counts[key]:
            raise ValueError(f"{key}.thresholds: needs one per label ({counts[key]}), not {len(stated.thresholds)}")
        elif isinstance(stated, Detection) and min(stated.thresholds) < stated.score:
            raise ValueError("detection.thresholds: one is below detection.score, so its boxes are dropped; raise it")


def check_masks(heads: Sequence[str], measures: Sequence[Measure], post: Postprocess, labels: int) -> None:
    """Refuse what is taken from a map of labels where the network yields none.

    Raises
    ------
    ValueError
        Naming key and fault.
    """
    if "segmentation" not in heads and measures:
        raise ValueError("measures: need the masks of a segmentation")
    if "segmentation" not in heads and post.keep_largest:
        raise ValueError("postprocess.keep_largest: needs the masks of a segmentation")
    if any(measure.label > labels for measure in measures):
        raise ValueError("measures: name a value that is no label")

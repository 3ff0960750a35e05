"""The heads of a network of several tasks, and what its manifest may be wrong about because of them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

HEADS = ("segmentation", "classification", "detection")
"""What an image is asked, in the order of reports."""


def heads_of(arguments: Mapping[str, Any]) -> tuple[str, ...]:
    """The heads that ``network.arguments`` names, in the order of `HEADS`; none where they aren't said in a way to be read."""
    given = arguments.get("heads")
    return tuple(head for head in HEADS if head in given) if isinstance(given, Mapping) else ()


def check_heads(arguments: Mapping[str, Any], labels: int, classes: int) -> None:
    """Refuse heads that don't fit the labels.

    Parameters
    ----------
    labels : of masks and boxes. classes : of the image as a whole.

    Raises
    ------
    ValueError
        Naming key, fault and mend.
    """
    heads, given = heads_of(arguments), arguments.get("heads")
    if len(heads) < 2 or len(heads) != len(given or ()) or "segmentation" not in heads:
        wanted = "the outputs of segmentation and of classification, detection or both"
        raise ValueError(f"network.arguments: heads must name {wanted}, such as {{segmentation: 2, classification: 3}}")
    if ("classification" in heads) != (classes > 0):
        said = "name the classes of the image" if not classes else "must be empty without a head for classification"
        raise ValueError(f"classes: {said}")
    for head in heads:
        count, key = (classes, "classes") if head == "classification" else (labels, "labels")
        if given is not None and given[head] != 1 + count:
            raise ValueError(f"network.arguments: heads.{head} must be one more than there are {key} ({1 + count})")

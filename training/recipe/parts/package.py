"""The recipe's ``package`` section while parts of it are still ``auto``: which those are, and stand-ins to check the rest by."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from inference.manifest import heads_of

_INTENSITY = {"kind": "zscore", "lower": 0.5, "upper": 99.5}
_STAND_IN = 64
_LEAST_SCORE = 0.05


def open_keys_of(package: Mapping[str, Any]) -> tuple[str, ...]:
    """Dotted keys of a package section that the plan has to decide."""
    grid, network = package.get("grid", {}), package.get("network", {})
    arguments = network.get("arguments", "auto")
    values = {
        "package.grid.spacing_mm": grid.get("spacing_mm"),
        "package.grid.patch": grid.get("patch"),
        "package.grid.minimum_multiple": grid.get("minimum_multiple"),
        "package.intensity": package.get("intensity"),
        "package.network.arguments": arguments,
        "package.network.arguments.channels": arguments.get("channels") if isinstance(arguments, Mapping) else None,
    }
    return tuple(key for key, value in values.items() if value == "auto")


def with_digest(package: Mapping[str, Any], weights_sha256: str) -> dict[str, Any]:
    """The document of a manifest: the digest filled in, and what a classification or detection that says nothing starts from."""
    document = {**package, "network": {**package["network"], "weights_sha256": weights_sha256}}
    heads = _heads(package)
    classes = package.get("classes") if package["task"] == "multitask" else package["labels"]
    if "classification" in heads and classes:
        halves = {"temperature": 1.0, "thresholds": [0.5] * len(classes or ())}
        stated = package.get("classification") or {}
        document["classification"] = {**halves, **stated} if isinstance(stated, Mapping) else stated
    if "detection" in heads:
        stated = package.get("detection") or {}
        low = stated.get("score", _LEAST_SCORE) if isinstance(stated, Mapping) else _LEAST_SCORE
        most = max(low, 0.5) if isinstance(low, float | int) else 0.5
        start = {"thresholds": [most] * len(package["labels"])}
        document["detection"] = {**start, **stated} if isinstance(stated, Mapping) else stated
    return document


def _heads(package: Mapping[str, Any]) -> tuple[str, ...]:
    arguments = package["network"].get("arguments")
    if package["task"] != "multitask":
        return (package["task"],)
    return heads_of(arguments) if isinstance(arguments, Mapping) else ()


def closed(package: Mapping[str, Any]) -> dict[str, Any]:
    """The section with a valid stand-in for each open value; what is wrong stays, for the manifest to say so."""
    grid, network = dict(package["grid"]), dict(package["network"])
    dims = 2 if package["inputs"][0].get("spatial_dims") == 2 else 3
    if grid.get("spacing_mm") == "auto":
        grid["spacing_mm"] = None
    if grid.get("patch") == "auto":
        grid["patch"] = [_STAND_IN] * dims
    if grid.get("minimum_multiple") == "auto":
        grid["minimum_multiple"] = 1
    if network.get("arguments", "auto") == "auto":
        network["arguments"] = {}
    intensity = package.get("intensity")
    return {**package, "grid": grid, "network": network, "intensity": _INTENSITY if intensity == "auto" else intensity}

"""Model packages for tests of what registers and routes: whole by their manifest, with weights that hold nothing."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

from inference.manifest import Manifest

WEIGHTS = b"no weights"
_CODE = {"value": "T-D0050", "scheme": "SRT", "meaning": "Tissue"}


def manifest(name: str = "hippocampus-mr", *, modality: tuple[str, ...] = ("MR",), **changes: Any) -> Manifest:
    """A manifest as small as they come."""
    document = {
        "name": name,
        "version": "1.0.0",
        "title": "Test",
        "task": "segmentation",
        "intended_use": "tests",
        "licence": "Apache-2.0",
        "weights_licence": "Apache-2.0",
        "family": _CODE,
        "inputs": [{"name": "image", "modality": modality}],
        "grid": {"spacing_mm": [1, 1, 1], "patch": [32, 32, 32]},
        "intensity": {"kind": "zscore", "lower": 0, "upper": 100},
        "network": {"name": "unet", "arguments": {}, "weights_sha256": hashlib.sha256(WEIGHTS).hexdigest()},
        "labels": [{"value": 1, "name": "tissue", "category": _CODE, "type": _CODE}],
    }
    return Manifest.model_validate(document | changes)


def write_package(folder: Path, name: str = "hippocampus-mr", **changes: Any) -> Path:
    """Write a package below ``folder``; returns its path."""
    made = manifest(name, **changes)
    path = folder / name
    (path / "configs").mkdir(parents=True)
    (path / "models").mkdir()
    (path / "configs" / "wetread.json").write_text(json.dumps(made.model_dump(mode="json")))
    (path / made.network.weights).write_bytes(WEIGHTS)
    return path

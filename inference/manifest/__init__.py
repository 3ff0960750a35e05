"""``configs/wetread.json`` of a model package as a typed model, and the package digest.

A package is a folder in MONAI-Bundle layout. Everything the node executes is declared here; ``configs/inference.json`` is
there for MONAI users and is never evaluated by the node, since such configs are programs.
"""

from __future__ import annotations

from inference.manifest.document import Manifest
from inference.manifest.heads import heads_of
from inference.manifest.package import package_digest, read_manifest
from inference.manifest.parts import (
    Classification,
    Code,
    Detection,
    Grid,
    Input,
    Intensity,
    Label,
    Measure,
    Network,
    Postprocess,
    Weights,
)
from inference.manifest.tasks import Task

__all__ = [
    "Classification",
    "Code",
    "Detection",
    "Grid",
    "Input",
    "Intensity",
    "Label",
    "Manifest",
    "Measure",
    "Network",
    "Postprocess",
    "Task",
    "Weights",
    "heads_of",
    "package_digest",
    "read_manifest",
]

"""Every architecture that a model package may name, built from keyword arguments alone; and their weights on disk."""

from __future__ import annotations

from inference.networks.base import Classifier, Network, ScaledNetwork, stage_of
from inference.networks.matching import Report, load_matching
from inference.networks.registry import Task, build, minimum_multiple, names, task_of
from inference.networks.weights import load_members, load_weights, save_weights

__all__ = [
    "Classifier",
    "Network",
    "Report",
    "ScaledNetwork",
    "Task",
    "build",
    "load_matching",
    "load_members",
    "load_weights",
    "minimum_multiple",
    "names",
    "save_weights",
    "stage_of",
    "task_of",
]

"""Every architecture that a model package may name, built from keyword arguments alone; and their weights on disk."""

from __future__ import annotations

from inference.networks.registry import build, names
from inference.networks.weights import load_weights, save_weights

__all__ = ["build", "load_weights", "names", "save_weights"]

"""A network with several heads on one encoder."""

from __future__ import annotations

from inference.networks.multitask.network import MultiTask
from inference.networks.multitask.outputs import Head, Outputs

__all__ = ["Head", "MultiTask", "Outputs"]

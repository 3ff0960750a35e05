"""Starting from weights that exist: what is read, what of it fits, what stays as it is, and under which terms."""

from __future__ import annotations

from training.transfer.freeze import hold
from training.transfer.licences import combined
from training.transfer.rates import parameter_groups
from training.transfer.source import Provenance
from training.transfer.start import provenance_of, start

__all__ = ["Provenance", "combined", "hold", "parameter_groups", "provenance_of", "start"]

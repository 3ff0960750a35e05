"""Labelled cases: read from their sources, split, checked, and brought to the model's grid."""

from __future__ import annotations

from training.data.case import Case, GridCase
from training.data.grid import grid_case
from training.data.parts import read_cases

__all__ = ["Case", "GridCase", "grid_case", "read_cases"]

"""Labelled cases: read from their sources, split, checked, and brought to the model's grid."""

from __future__ import annotations

from training.data.case import Case, GridCase
from training.data.dataset import DataSet, fold_names
from training.data.entry import Entry
from training.data.grid import grid_case
from training.data.inputs import inputs_of
from training.data.parts import read_cases, read_parts
from training.data.sources.nnunet import starting_recipe
from training.data.statement import Statement, make_statement
from training.data.survey import Facts

__all__ = [
    "Case",
    "DataSet",
    "Entry",
    "Facts",
    "GridCase",
    "Statement",
    "fold_names",
    "grid_case",
    "inputs_of",
    "make_statement",
    "read_cases",
    "read_parts",
    "starting_recipe",
]

"""Data sets in nnU-Net's layout: read as cases, and turned into a recipe to start from."""

from __future__ import annotations

from training.data.sources.nnunet.entries import nnunet_entries
from training.data.sources.nnunet.starting import starting_recipe

__all__ = ["nnunet_entries", "starting_recipe"]

"""Segmenters of several modalities of one patient on one grid, any of which but one may be missing."""

from __future__ import annotations

from inference.networks.fusion.attention import AttentionFusion
from inference.networks.fusion.base import FusionNetwork
from inference.networks.fusion.early import EarlyFusion
from inference.networks.fusion.gated import GatedFusion
from inference.networks.fusion.late import LateFusion
from inference.networks.fusion.presence import blank

__all__ = ["AttentionFusion", "EarlyFusion", "FusionNetwork", "GatedFusion", "LateFusion", "blank"]

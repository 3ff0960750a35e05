from __future__ import annotations
from dataclasses import dataclass
from typing import Any
@dataclass
class Phantom:
    voxels_kji: Any
    labels_kji: Any
    affine_lps_mm: Any
def make_phantom(seed: int, size_kji: Any, spacing_mm_kji: Any) -> Phantom:
    raise NotImplementedError

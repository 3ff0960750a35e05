"""torchvision's own detection code as an oracle, for the tests that ask for it and for nobody else in their process.

Its operators in C++ are linked against one build of torch and don't load beside the CPU build; ``import torchvision`` then fails,
as it registers them. What lies in Python needs none of that: the packages above the wanted modules stand in as bare ones, which
search the same folders and run no ``__init__``. Nothing is registered with torch's dispatcher, ``sys.path`` stays as it is, and
``sys.modules`` holds no torchvision afterwards, so that optional imports elsewhere (MONAI's) still find none.

Two operators get a substitute where C++ is missing: `suppress` for ``nms``; for ``roi_align`` torchvision's Python transcript of
its CUDA kernel, run as it stands instead of through the compiler.
"""

from __future__ import annotations

import os
import sys
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from importlib import import_module
from importlib.machinery import ModuleSpec
from importlib.util import module_from_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from tests.support.requirements import missing

if TYPE_CHECKING:
    from torch import Tensor

FOLDER = Path(__file__).parents[2] / ".venv" / "oracles"
"""Where `.ci/setup` puts it; WETREAD_ORACLES names another folder."""

BARE = ("torchvision", "torchvision.models", "torchvision.models.detection")


class Torchvision(NamedTuple):
    """The modules that tests compare with."""

    ops: Any
    """``torchvision.ops``."""
    poolers: Any
    """``torchvision.ops.poolers``."""
    coding: Any
    """``torchvision.models.detection._utils``: coders of boxes, and the matcher."""
    anchors: Any
    """``torchvision.models.detection.anchor_utils``."""


def load() -> Torchvision:
    """Import what is compared; without the folder the running test skips, or fails where ``peers`` are required."""
    folder = Path(os.environ.get("WETREAD_ORACLES") or FOLDER)
    if not (folder / "torchvision").is_dir():
        missing("peers", f"no torchvision in {folder}: `make setup` fetches it, WETREAD_ORACLES names another folder")
    with _set_aside("torchvision"), warnings.catch_warnings(action="ignore"):
        for name in BARE:
            sys.modules[name] = _bare(name, folder)
        if not import_module("torchvision.extension")._has_ops():
            _substitute(import_module("torchvision.ops.boxes"), import_module("torchvision.ops.roi_align"))
        return Torchvision(
            ops=import_module("torchvision.ops"),
            poolers=import_module("torchvision.ops.poolers"),
            coding=import_module("torchvision.models.detection._utils"),
            anchors=import_module("torchvision.models.detection.anchor_utils"),
        )


def _substitute(boxes: Any, roi_align: Any) -> None:
    boxes.nms = suppress
    roi_align._roi_align = roi_align._roi_align.__wrapped__


def suppress(boxes: Tensor, scores: Tensor, iou_threshold: float) -> Tensor:
    """As torchvision documents ``nms``: from the highest score down, a box goes whose IoU with a kept one is above the threshold.

    Boxes are (x1, y1, x2, y2); the result is int64 (kept,), best first. In plain numbers, and with none of our code.
    """
    corners = boxes.tolist()
    kept: list[int] = []
    for index in scores.argsort(descending=True, stable=True).tolist():
        if all(_overlap(corners[index], corners[better]) <= iou_threshold for better in kept):
            kept.append(index)
    return scores.new_tensor(kept).long()


def _overlap(first: list[float], second: list[float]) -> float:
    (left, top, right, bottom), (other_left, other_top, other_right, other_bottom) = first, second
    width = min(right, other_right) - max(left, other_left)
    height = min(bottom, other_bottom) - max(top, other_top)
    common = max(width, 0.0) * max(height, 0.0)
    return common / ((right - left) * (bottom - top) + (other_right - other_left) * (other_bottom - other_top) - common)


def _bare(name: str, folder: Path) -> Any:
    spec = ModuleSpec(name, None, is_package=True)
    spec.submodule_search_locations = [str(folder.joinpath(*name.split(".")))]
    module: Any = module_from_spec(spec)
    module._is_tracing = lambda: False  # all that `ops` asks of an ``__init__``
    return module


@contextmanager
def _set_aside(package: str) -> Iterator[None]:
    """Leave ``sys.modules`` without what was imported of a package meanwhile, and with what had been before."""
    before = _of(package)
    for name in before:
        del sys.modules[name]
    try:
        yield
    finally:
        for name in _of(package):
            del sys.modules[name]
        sys.modules.update(before)


def _of(package: str) -> dict[str, Any]:
    return {name: module for name, module in sys.modules.items() if name.split(".")[0] == package}

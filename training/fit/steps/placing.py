"""Where the cases lie: beside the network where there is room, since patches are drawn on the device that the cases are on."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import torch

from training.data import GridCase

_SHARE = 0.25
"""Of an accelerator's memory that cases may take."""


def placed(cases: Sequence[GridCase], device: torch.device, room: int | None = None) -> Sequence[GridCase]:
    """The cases on ``device``, or as they are when that is the CPU or they need more than ``room`` bytes.

    An accelerator takes a step in less time than a CPU draws a batch; on a CPU drawing is some 3 % of a step, so that nothing is
    drawn ahead in a thread.
    """
    if device.type == "cpu":
        return cases
    free = int(_SHARE * torch.cuda.get_device_properties(device).total_memory) if room is None else room
    needed = sum(tensor.nbytes for case in cases for tensor in (case.image, case.target, case.instances) if tensor is not None)
    return [_moved(case, device) for case in cases] if needed <= free else cases


def _moved(case: GridCase, device: torch.device) -> GridCase:
    target = case.target.to(device) if case.target is not None else None
    instances = case.instances.to(device) if case.instances is not None else None
    return replace(case, image=case.image.to(device), target=target, instances=instances)

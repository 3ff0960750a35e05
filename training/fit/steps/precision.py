"""Device and number format of a run: what was asked for, what the machine can do, and why it became what it is."""

from __future__ import annotations

from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Literal

import torch

from storage.base.errors import ConfigError

Name = Literal["float32", "bf16", "fp16"]
_TYPES = {"bf16": torch.bfloat16, "fp16": torch.float16}


@dataclass(frozen=True)
class Precision:
    """A number format for the forward pass, and the reason for it. Weights, gradients, losses and averages stay float32."""

    name: Name
    reason: str

    def autocast(self, device: torch.device) -> AbstractContextManager[object]:
        """What the forward pass runs in."""
        return torch.autocast(device.type, dtype=_TYPES.get(self.name, torch.bfloat16), enabled=self.name != "float32")


def choose_device(name: str) -> torch.device:
    """``cpu``, ``cuda`` or ``cuda:N``.

    Raises
    ------
    ConfigError
        Code ``device-missing``: this machine or this PyTorch has no such device.
    """
    try:
        device = torch.device(name)
    except RuntimeError as error:
        raise ConfigError(f"--device: {name!r} is no device; use cpu, cuda or cuda:N", code="device-missing") from error
    if device.type not in ("cpu", "cuda"):
        raise ConfigError(f"--device: {name} isn't supported; use cpu, cuda or cuda:N", code="device-missing")
    if device.type == "cuda" and (device.index or 0) >= torch.cuda.device_count():
        found = f"{torch.cuda.device_count()} CUDA devices"
        raise ConfigError(f"--device: {name} isn't there (PyTorch sees {found}); use cpu", code="device-missing")
    return device


def choose_precision(asked: str, device: torch.device) -> Precision:
    """The recipe's ``fit.precision`` on this device; ``auto`` takes mixed precision only where it gains.

    Raises
    ------
    ConfigError
        Code ``precision-unsupported``: fp16 on a CPU.
    """
    if asked == "fp16" and device.type == "cpu":
        message = "fit.precision: fp16 needs a CUDA device; use bf16, float32 or auto on a CPU"
        raise ConfigError(message, code="precision-unsupported")
    if asked in ("float32", "bf16", "fp16"):
        return Precision(asked, "the recipe says so")  # type: ignore[arg-type]
    if device.type == "cuda":
        if torch.cuda.is_bf16_supported(including_emulation=False):
            return Precision("bf16", "the GPU has bfloat16, which needs no loss scaling")
        return Precision("fp16", "the GPU has no bfloat16; losses are scaled")
    found = _cpu_bfloat16()
    if found:
        return Precision("bf16", f"the CPU has {found}")
    return Precision(
        "float32", "the CPU has no bfloat16 instructions (AVX512-BF16, AMX), without which bf16 is tens of times slower"
    )


def _cpu_bfloat16() -> str:
    """The instructions for bfloat16 that this CPU has; empty: none."""
    able = torch.cpu.get_capabilities()
    names = {"avx512_bf16": "AVX512-BF16", "amx_bf16": "AMX-BF16", "bf16": "ARM BF16"}
    return next((text for key, text in names.items() if able.get(key)), "")


def be_deterministic(device: torch.device) -> None:
    """Only algorithms with one outcome; on CUDA, where some have no such kernel, PyTorch warns instead."""
    torch.use_deterministic_algorithms(True, warn_only=device.type != "cpu")
    # a debugging aid of torch's, on with deterministic algorithms: fills every new tensor, at a tenth of the time or more
    torch.utils.deterministic.fill_uninitialized_memory = False  # type: ignore[attr-defined]

"""What a run cost: seconds, memory, parameters, and an estimate of energy."""

from __future__ import annotations

import resource
from dataclasses import asdict, dataclass
from pathlib import Path
from types import TracebackType
from typing import Any

import torch
from torch import nn

from storage.base.clock import Clock

WATTS_PER_CORE = 10.0
"""Assumed draw of one busy core with its share of the rest of the machine: a server of 64 cores takes some 600 W under load."""

WATTS_PER_DEVICE = 500.0
"""Assumed draw of a busy accelerator: data-centre GPUs are rated at 300 to 700 W."""

_RAPL = Path("/sys/class/powercap/intel-rapl:0")
_MIB = 2**20


@dataclass(frozen=True)
class Cost:
    """Of one stretch of work in this process; ``cpu_seconds`` also of processes that it started.

    ``peak_mib`` is the most resident memory since the process began, ``device_peak_mib`` the most that torch held on the
    accelerator (0 without one). ``energy_source`` says whether a counter of the processor was read or what was assumed.
    """

    seconds: float
    cpu_seconds: float
    peak_mib: float
    device_peak_mib: float
    energy_wh: float
    energy_source: str

    def document(self) -> dict[str, Any]:
        """For JSON."""
        return {key: round(value, 3) if isinstance(value, float) else value for key, value in asdict(self).items()}


class Meter:
    """Measures what runs within it.

    >>> with Meter(clock) as meter:  # doctest: +SKIP
    ...     work()
    >>> meter.cost  # doctest: +SKIP
    """

    cost: Cost

    def __init__(self, clock: Clock, rapl: Path = _RAPL) -> None:
        self._clock = clock
        self._rapl = rapl

    def __enter__(self) -> Meter:
        self._begun_s, self._begun_cpu_s, self._begun_j = self._clock.monotonic_s(), _cpu_seconds(), _joules(self._rapl)
        if torch.cuda.is_available():
            torch.cuda.reset_peak_memory_stats()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        seconds, cpu_seconds = self._clock.monotonic_s() - self._begun_s, _cpu_seconds() - self._begun_cpu_s
        device = torch.cuda.max_memory_allocated() / _MIB if torch.cuda.is_available() else 0.0
        energy_wh, source = self._energy(seconds, cpu_seconds, device > 0)
        peak_mib = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024  # kibibytes on Linux
        self.cost = Cost(seconds, cpu_seconds, peak_mib, device, energy_wh, source)

    def _energy(self, seconds: float, cpu_seconds: float, on_device: bool) -> tuple[float, str]:
        """Watt-hours and where they come from. The counter runs over now and then: a fall is not believed."""
        ended_j = _joules(self._rapl)
        if self._begun_j is not None and ended_j is not None and ended_j >= self._begun_j:
            energy_j, source = ended_j - self._begun_j, "processor counter (RAPL), other programs included"
        else:
            energy_j, source = cpu_seconds * WATTS_PER_CORE, f"estimate: {WATTS_PER_CORE:g} W per busy core"
        if on_device:
            energy_j += seconds * WATTS_PER_DEVICE
            source += f"; accelerator estimated at {WATTS_PER_DEVICE:g} W"
        return energy_j / 3600, source


def parameters(network: nn.Module) -> int:
    """The number of weights of a network."""
    return sum(weight.numel() for weight in network.parameters())


def _cpu_seconds() -> float:
    """Of this process, and of those that it started and that have ended, as the further ones of a fit have."""
    used = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(one.ru_utime + one.ru_stime for one in used)


def _joules(rapl: Path) -> float | None:
    """The processor's energy counter; None where it can't be read (most kernels let only root)."""
    try:
        return int((rapl / "energy_uj").read_text(encoding="ascii")) / 1e6
    except (OSError, ValueError):
        return None

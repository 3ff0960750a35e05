"""What a receiver needs of the settings."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal, TypeAlias

from node.receive.associate.admission import Admission
from node.receive.fast.limits import Limits
from node.receive.listen.sockets import Listen
from node.receive.listen.tls import TlsListen

RECEIVER = "receiver"
PathName: TypeAlias = Literal["fast", "stock"]


@dataclass(frozen=True)
class ReceiverConfig:
    """``processes`` workers share the ports; worker n writes to the spool RECEIVER-n. ``limits`` are those of the fast path."""

    listen: Listen
    admission: Admission
    spool: Path
    minimum_free_bytes: int
    receiver: str = RECEIVER
    processes: int = 1
    path: PathName = "fast"
    limits: Limits = field(default_factory=Limits)
    tls: TlsListen | None = None
    tls_only: bool = False

    def spool_of(self, worker: int) -> str:
        """The name of a worker's spool."""
        return f"{self.receiver}-{worker}"

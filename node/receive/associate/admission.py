"""Who may open an association with us, and for what. Deny is the default: a node that knows nobody admits nobody."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, TypeAlias

Service: TypeAlias = Literal["echo", "store", "commitment", "mpps", "ian"]
Durability: TypeAlias = Literal["full", "os"]
SERVICES: frozenset[Service] = frozenset({"echo", "store", "commitment", "mpps", "ian"})


@dataclass(frozen=True)
class Reject:
    """An A-ASSOCIATE-RJ (PS3.8 9.3.4): result, source, reason, and the reason in a word for our logs."""

    result: int
    source: int
    diagnostic: int
    reason: str


UNKNOWN_CALLING = Reject(1, 1, 3, "calling-ae-title-unknown")
UNKNOWN_CALLED = Reject(1, 1, 7, "called-ae-title-unknown")
NO_SPACE = Reject(2, 3, 2, "no-space")
STOPPING = Reject(2, 3, 1, "stopping")


@dataclass(frozen=True)
class Caller:
    """All that is known of who asks for an association when its A-ASSOCIATE-RQ has come."""

    host: str
    calling: str
    called: str


@dataclass(frozen=True)
class Grant:
    """What an admitted caller may do. ``source`` names the entry of the settings that admits it."""

    source: str
    services: frozenset[Service] = SERVICES
    durability: Durability = "full"


@dataclass(frozen=True)
class Admission:
    """``calling``: the AE titles that we admit; ``ae_title``: what they must call, where ``require_called`` is set."""

    ae_title: str
    calling: frozenset[str]
    require_called: bool = True

    def check(self, caller: Caller) -> Grant | Reject:
        """What a caller may do, or why its association is rejected for good. Spaces around titles don't count (PS3.5 6.2)."""
        calling = caller.calling.strip(" ")
        if calling not in self.calling:
            return UNKNOWN_CALLING
        if self.require_called and caller.called.strip(" ") != self.ae_title:
            return UNKNOWN_CALLED
        return Grant(source=calling)

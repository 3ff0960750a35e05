"""Who may open an association with us. Deny is the default: a node that knows nobody admits nobody."""

from __future__ import annotations

from dataclasses import dataclass


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
class Admission:
    """``calling``: the AE titles that we admit; ``ae_title``: what they must call, where ``require_called`` is set."""

    ae_title: str
    calling: frozenset[str]
    require_called: bool = True

    def check(self, calling: str, called: str) -> Reject | None:
        """Why an association is rejected for good, or None. Spaces around an AE title don't count (PS3.5 6.2)."""
        if calling.strip(" ") not in self.calling:
            return UNKNOWN_CALLING
        if self.require_called and called.strip(" ") != self.ae_title:
            return UNKNOWN_CALLED
        return None

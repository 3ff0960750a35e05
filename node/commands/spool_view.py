"""What lies in the spool: accepted and not yet indexed, and quarantined bytes that could not be read."""

from __future__ import annotations

from pathlib import Path
from typing import Any

LISTED = 20


def spool_overview(spool: str | Path) -> dict[str, Any]:
    """Counts over all receivers' spools, and the names of the newest quarantined files."""
    root = Path(spool)
    waiting = sum(1 for _ in root.glob("*/records/*.json"))
    quarantined = sorted((p for p in root.glob("*/quarantine/*.dcm")), key=lambda p: p.name, reverse=True)
    return {
        "waiting": waiting,
        "quarantined": len(quarantined),
        "newest_quarantined": [str(p.relative_to(root)) for p in quarantined[:LISTED]],
    }

"""What lies in the spool: accepted and not yet indexed, and what was quarantined: bytes, the record that says why, or both."""

from __future__ import annotations

from pathlib import Path
from typing import Any

LISTED = 20


def spool_overview(spool: str | Path) -> dict[str, Any]:
    """Counts over all receivers' spools, and the newest quarantined entries, without suffix."""
    root = Path(spool)
    waiting = sum(1 for _ in root.glob("*/records/*.json"))
    quarantined = sorted({p.with_suffix("") for p in root.glob("*/quarantine/*")}, key=lambda p: p.name, reverse=True)
    return {
        "waiting": waiting,
        "quarantined": len(quarantined),
        "newest_quarantined": [str(p.relative_to(root)) for p in quarantined[:LISTED]],
    }

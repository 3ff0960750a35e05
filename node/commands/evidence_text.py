"""What peers said of a Study, and requests for storage commitment, as lines. Pure, as the rest of the narrative."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

Document = dict[str, Any]
_KINDS = {"mpps": "MPPS", "commitment": "Storage commitment request", "ian": "Availability notification"}


def evidence_lines(story: Document) -> Iterator[str]:
    """How far what was said agrees with what is held, and what became of each request for commitment."""
    evidence = story.get("evidence", [])
    unfinished = sum(e["unfinished"] for e in evidence)
    for e in evidence:
        yield f"{_KINDS[e['kind']]} {e['source_uid']} lists {e['listed']} instances: {_compared(e, unfinished)}"
    for c in story.get("commitments", []):
        yield f"Commitment asked by {c['requester']} {c['requested_at']}: {commitment_text(c)}"


def unreported_lines(attention: Document) -> Iterator[str]:
    """Results of storage commitment that the requester doesn't know yet."""
    for c in attention.get("unreported_commitments", []):
        yield f"  commitment {c['id']} asked by {c['requester']} ({c['host']}): {commitment_text(c)}"


def commitment_text(c: Document) -> str:
    """One request: how much of it is safe, and whether the requester knows."""
    if c["state"] in ("requested", "verifying"):
        return f"{c['instances']} instances to be verified" + (f"; {c['last_error']}" if c["last_error"] else "")
    result = f"{c['instances'] - c['failed']} of {c['instances']} instances committed"
    if c["state"] == "reported":
        return f"{result}, told {c['reported_at']}"
    line = f"{result}, not told after {c['attempts']} tries"
    if c["next_attempt_at"]:
        line += f", next {c['next_attempt_at']}"
    return f"{line}: {c['last_error']}" if c["last_error"] else line


def _compared(e: Document, unfinished: int) -> str:
    if unfinished:
        return f"{unfinished} procedure step(s) in progress, so quiet time decides"
    parts = []
    if e["missing"]:
        parts.append(f"{e['missing']} not held")
    if e["beyond"]:
        parts.append(f"{e['beyond']} more are held")
    if parts or not e["listed"]:
        return f"{', '.join(parts) or 'none'}, so quiet time decides"
    return "all held, so the study is complete without waiting"

"""The demo's closing tables: stages and seconds, every series and why it was processed or not, measurements, files."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from typing import Any

from rich.table import Table

from node.commands.console import out
from node.commands.narrative import measurement_text
from node.demo.pacs import Pacs

Document = dict[str, Any]


def print_tables(story: Document, descriptions: dict[str, str], sent_s: float, files: list[Path], pacs: Pacs) -> None:
    """Print all of it."""
    out.print(_stages(story, sent_s))
    out.print(_series(story, descriptions))
    measured = _measurements(story)
    if measured.row_count:
        out.print(measured)
    for job in story["jobs"]:
        if job["state"] != "done":
            out.print(f"job {job['id']} ({job['model']}) {job['state']}: {job['reason_code']}: {job['reason']}", markup=False)
    where = "fetched back from" if pacs.keeps else "received by"
    for path in files:
        out.print(f"{path}", markup=False)
    if files:
        out.print(f"SEG and SR were {where} {pacs.product}; picture and text were made from them.", markup=False)


def _stages(story: Document, sent_s: float) -> Table:
    table = Table("stage", "seconds", title="Stages")
    frozen = story["revisions"][0]["created_at"] if story["revisions"] else None
    table.add_row("received", f"{sent_s:.2f}")
    table.add_row("complete (quiet time included)", _between(story["last_arrival_at"], frozen))
    for job in story["jobs"]:
        name = f" ({job['model']})" if len(story["jobs"]) > 1 else ""
        times = {e["kind"]: e["at"] for e in story["events"] if e["job_id"] == job["id"]}
        delivered = [d["delivered_at"] for result in job["results"] for d in result["deliveries"] if d["delivered_at"]]
        table.add_row(f"routed{name}", _between(frozen, job["created_at"]))
        table.add_row(f"inferred{name}", _between(job["created_at"], times.get("job.inferred")))
        table.add_row(f"reported{name}", _between(times.get("job.inferred"), times.get("job.done")))
        table.add_row(f"delivered{name}", _between(times.get("job.done"), max(delivered, default=None)))
    return table


def _series(story: Document, descriptions: dict[str, str]) -> Table:
    table = Table("series", "modality", "instances", "rule", "outcome", title="Series")
    for series in story["series"]:
        uid = series["series_instance_uid"]
        decisions = [d for d in story["decisions"] if d["series_instance_uid"] == uid]
        for d in decisions or [{"rule": "-", "matched": False, "reason": "no rule was evaluated"}]:
            outcome = "processed" if d["matched"] else f"not processed: {d['reason']}"
            table.add_row(descriptions.get(uid) or uid, series["modality"], str(series["instances"]), d["rule"], outcome)
    return table


def _measurements(story: Document) -> Table:
    table = Table("model", "measurement", title="Measurements")
    for job in story["jobs"]:
        for m in job["measurements"]:
            table.add_row(job["model"], measurement_text(m))
    return table


def _between(start: str | None, end: str | None) -> str:
    if start is None or end is None:
        return "-"
    return f"{(datetime.fromisoformat(end) - datetime.fromisoformat(start)).total_seconds():.2f}"

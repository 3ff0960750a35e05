"""A story and a status as lines for a terminal. Pure: documents of storage.views in, text out."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from typing import Any

from node.commands.evidence_text import evidence_lines, unreported_lines

Document = dict[str, Any]
_SIZES = (("volume_mm3", "mm³"), ("area_mm2", "mm²"))


def status_lines(document: Document) -> Iterator[str]:
    """The node at a glance."""
    spool = document["spool"]
    yield f"studies     {document['studies']} ({document['studies_waiting']} waiting for quiet)"
    yield f"instances   {document['instances']} ({document['size_bytes']:,} bytes)"
    yield f"received    last {document['last_arrival_at'] or 'never'}, open associations {document['open_associations']}"
    full = " (full: what is refused now is told in the log alone)" if spool["quarantine_full"] else ""
    missing = f", {len(spool['missing'])} MISSING" if spool["missing"] else ""
    yield f"spool       {spool['waiting']} waiting{missing}, {spool['quarantined']} quarantined{full}"
    yield f"rules       version {document['rules_version'] or 'none applied'}"
    for table in ("jobs", "deliveries", "commitments", "packages"):
        counts = ", ".join(f"{count} {state}" for state, count in document[table].items() if count)
        yield f"{table:<11} {counts or 'none'}"
    yield from _attention(document["attention"], spool)


def _attention(attention: Document, spool: Document) -> Iterator[str]:
    for key, word in (("refused_jobs", "refused"), ("failed_jobs", "failed"), ("dead_jobs", "dead")):
        for job in attention[key]:
            yield f"  job {job['id']} {word}: {job['reason_code']}: {job['reason']} (study {job['study_instance_uid']})"
    for delivery in attention["failed_deliveries"]:
        yield f"  delivery {delivery['id']} to {delivery['peer']} failed: {delivery['last_error']}"
    yield from unreported_lines(attention)
    for name in spool["missing"]:
        yield f"  missing: {name} was acknowledged and its object isn't in the spool"
    for entry in spool["newest_quarantined"]:
        yield f"  quarantined: {entry['name']} ({entry['reason']})"


def story_lines(story: Document) -> Iterator[str]:
    """The whole story of a Study."""
    yield f"Study {story['study_instance_uid']}"
    yield from _received(story)
    yield from evidence_lines(story)
    yield from _decided(story)
    for job in story["jobs"]:
        yield from _job(job)
    yield from _notes(story)
    yield f"Next: {story['next']}"


def _received(story: Document) -> Iterator[str]:
    yield f"Received {story['arrivals']} instances, {story['first_arrival_at']} to {story['last_arrival_at']}"
    for a in story["associations"]:
        again = f", {a['duplicates']} of them held already" if a["duplicates"] else ""
        yield f"  from {a['from']} ({a['host']}): {a['instances']} instances{again}; association {a['state']}"
    for series in story["series"]:
        differing = f", {series['differing_versions']} DIFFERING VERSIONS" if series["differing_versions"] else ""
        yield f"  {series['modality']:<4} {series['series_instance_uid']}: {series['instances']} instances{differing}"


def _decided(story: Document) -> Iterator[str]:
    for revision in story["revisions"]:
        yield f"Revision {revision['number']} frozen {revision['created_at']}: {revision['instances']} instances"
        yield from _why(story, revision["number"])
        for d in story["decisions"]:
            if d["revision"] == revision["number"]:
                verdict = f"matched -> job {d['job_id']}" if d["matched"] else "no match"
                yield f"  rule {d['rule']} on {d['series_instance_uid']}: {verdict}: {d['reason']}"
    if story["revisions"] and not story["decisions"]:
        yield "  no rule was there to evaluate"


def _why(story: Document, revision: int) -> Iterator[str]:
    """Why the study counted as complete, where its events say so."""
    told = (e for e in story["events"] if e["kind"] == "study.complete" and e.get("revision") == revision and e.get("why"))
    for reason in dict.fromkeys(str(e["why"]) for e in told):
        yield f"  complete: {reason}"


def _job(job: Document) -> Iterator[str]:
    again = f", run {job['generation']}" if job["generation"] > 1 else ""
    yield f"Job {job['id']}: {job['model']} {job['model_version']} (digest {job['model_digest'][:12]}{again}): {job['state']}"
    if len(job["inputs"]) > 1:
        yield "  inputs: " + ", ".join(f"{name} {uid}" for name, uid in job["inputs"].items())
    if job["reason"]:
        yield f"  {job['reason_code']}: {job['reason']}"
    if job["attempts"] or job["infra_failures"]:
        yield f"  failures: {job['attempts']} of the model, {job['infra_failures']} of machines"
    for m in job["measurements"]:
        yield f"  {measurement_text(m)}"
    if job["timings_s"]:
        yield "  seconds: " + ", ".join(f"{stage} {seconds:.2f}" for stage, seconds in job["timings_s"].items())
    for result in job["results"]:
        yield f"  {result['role']:<8} {result['sop_instance_uid'] or result['blob_key']} ({result['size_bytes']:,} bytes)"
        for d in result["deliveries"]:
            yield f"    {_delivery(d)}"


def measurement_text(m: Document) -> str:
    """One record of a job's measurements: the label, its side where one is stated, what was found of it, and the notes."""
    side = f" ({m['laterality']})" if m.get("laterality") else ""
    found = ", ".join(_found(m))
    return "; ".join([f"{m['label']}{side}: {found}", *m.get("notes", ())])


def _found(m: Document) -> list[str]:
    """A classifier's verdict and what it rests on; of a detection the findings, of a segmentation sizes and lengths."""
    present = m.get("present", True)
    if "probability" in m:
        verdict = "present" if present else "absent"
        return [verdict, f"probability {m['probability']:g} (threshold {m['threshold']:g})"]
    if not present:
        return ["absent"]
    if "findings" in m:
        told = ", ".join(" ".join([f"{finding['certainty_percent']:g} %", *_sizes(finding)]) for finding in m["findings"])
        return [f"{len(m['findings'])} found", f"certainty {told} (threshold {100 * m['threshold']:g} %)"]
    lengths = [f"{o['name']} {o['mm']:,.1f} mm" for o in m.get("lengths", ()) if o["mm"] is not None]
    return [*_sizes(m), *lengths] or ["present"]


def _sizes(m: Document) -> list[str]:
    return [f"{m[key]:,.1f} {unit}" for key, unit in _SIZES if m.get(key) is not None]


def _delivery(d: Document) -> str:
    if d["state"] == "delivered":
        return f"delivered to {d['peer']} {d['delivered_at']} ({d['last_status']})"
    line = f"{d['state']} to {d['peer']} after {d['attempts']} tries"
    if d["next_attempt_at"]:
        line += f", next {d['next_attempt_at']}"
    return f"{line}: {d['last_error']}" if d["last_error"] else line


def _notes(story: Document) -> Iterator[str]:
    """Events that are no part of the straight line, counted by kind."""
    kinds = Counter(e["kind"] for e in story["events"])
    for kind, count in kinds.items():
        if kind in ("study.resent-nothing-new", "instance.version"):
            yield f"{EVENT_TEXT[kind]} ({count} times)" if count > 1 else EVENT_TEXT[kind]


EVENT_TEXT = {
    "study.resent-nothing-new": "The same study was sent again: nothing new in it, so nothing was started",
    "instance.version": "An instance came again under the same UID with other bytes: both are kept",
}

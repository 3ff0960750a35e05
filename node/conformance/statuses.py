"""What is answered, and what is made of answers: the tables of rejections and statuses."""

from __future__ import annotations

from node.conformance.markdown import status, table
from node.deliver.status import Verdict, explain, judge
from node.receive.associate import admission, negotiation
from node.receive.associate.admission import Reject
from node.receive.desk import desk, requests
from node.receive.store.status import TABLE

_REJECTING = (admission, negotiation, desk, requests)
_RESULTS = {1: "permanent", 2: "transient"}
_SOURCES = {1: "service user", 2: "service provider (ACSE)", 3: "service provider (presentation)"}
# Of each range that a peer may answer C-STORE with, one (PS3.4 B.2.3, PS3.7 9.1.1.1.9).
_FROM_PEERS = (
    (0x0000, "0000"),
    (0xB000, "B000"),
    (0xB006, "B006"),
    (0xB007, "B007"),
    (0x0110, "0110"),
    (0x0117, "0117"),
    (0x0122, "0122"),
    (0x0124, "0124"),
    (0xA700, "A700–A7FF"),
    (0xA900, "A900–A9FF"),
    (0xC000, "C000–CFFF"),
    (0x0001, "anything else"),
)
_VERDICTS = {
    Verdict.STORED: "delivered",
    Verdict.AGAIN: "tried again with exponential back-off, until the delivery is given up",
    Verdict.NEVER: "failed; a person decides",
}


def rejections() -> list[Reject]:
    """Every A-ASSOCIATE-RJ that the node can send, once."""
    found = [value for module in _REJECTING for value in vars(module).values() if isinstance(value, Reject)]
    return sorted(set(found), key=lambda r: (r.result, r.source, r.diagnostic, r.reason))


def rejection_table() -> str:
    """Rejections with what causes them."""
    rows = ((r.result, _RESULTS[r.result], r.source, _SOURCES[r.source], r.diagnostic, _words(r.reason)) for r in rejections())
    return table(("Result", "", "Source", "", "Reason", "When"), rows)


def store_table() -> str:
    """Statuses of C-STORE as SCP (PS3.2 table N.7-43)."""
    rows: list[tuple[str, str, str, str]] = [
        ("Success", status(0), "", "the instance is durable, or the same bytes were already held"),
    ]
    for code, row in TABLE.items():
        kept = "; the bytes are kept in quarantine" if row.keeps_bytes else ""
        rows.append((_meaning(row.status), status(row.status), "Error Comment (0000,0902)", f"{row.comment} ({code}){kept}"))
    return table(("Service status", "Status code", "Related fields", "Condition"), rows)


def sent_table() -> str:
    """What the SCU makes of the statuses of C-STORE (PS3.2 table N.7-42)."""
    rows = ((label, _VERDICTS[judge(code)], _advice(code)) for code, label in _FROM_PEERS)
    return table(("Status code", "Behaviour", "What the operator reads"), rows)


def _advice(code: int) -> str:
    return "" if judge(code) is Verdict.STORED else explain(code).partition(": ")[2]


def _meaning(code: int) -> str:
    if 0xA700 <= code <= 0xA7FF:
        return "Failure: out of resources"
    if 0xA900 <= code <= 0xA9FF:
        return "Failure: data set doesn't match SOP Class"
    if 0xC000 <= code <= 0xCFFF:
        return "Failure: can't understand"
    return {
        0x0117: "Failure: invalid SOP Instance",
        0x0122: "Failure: SOP Class not supported",
        0x0124: "Failure: not authorised",
    }[code]


def _words(code: str) -> str:
    return code.replace("-", " ")

"""The status table of C-STORE: every refusal that the receiver knows, and what the sender is told.

PS3.4 B.2.3 gives A7xx, A9xx and Cxxx their meaning and their optional Error Comment and Offending Element; PS3.7 9.1.1.1.9 adds
0117, 0122 and 0124 (0110 is not among them). A peer never reads the text of an exception: comments come from this table. Codes
C001, C002 and C211 are pynetdicom's own and are not used here.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from storage.base.errors import WetreadError

SUCCESS = 0x0000
BUG = "bug"


@dataclass(frozen=True)
class Row:
    """One refusal. ``comment`` is a LO of at most 64 characters; ``keeps_bytes``: the refused data set is quarantined."""

    status: int
    comment: str
    keeps_bytes: bool = False


TABLE: Mapping[str, Row] = {
    "no-space": Row(0xA700, "Out of resources: too little free disk space; send again later"),
    "spool": Row(0xA700, "Out of resources: the disk failed; send again later"),
    "stopping": Row(0xA700, "Out of resources: the node is stopping; send again later"),
    "dataset-mismatch": Row(0xA900, "SOP Class or Instance UID differs from the command's", keeps_bytes=True),
    "unparsable": Row(0xC000, "The data set can't be parsed", keeps_bytes=True),
    "truncated": Row(0xC010, "The data set is truncated", keeps_bytes=True),
    "too-deep": Row(0xC011, "Sequences are nested too deep", keeps_bytes=True),
    "missing-uid": Row(0xC012, "A Study, Series or SOP UID is missing", keeps_bytes=True),
    "bad-dataset-uid": Row(0xC013, "A Study or Series Instance UID is malformed", keeps_bytes=True),
    "bad-uid": Row(0x0117, "The SOP Instance UID is malformed"),
    "not-negotiated": Row(0x0122, "The SOP Class isn't the one negotiated for this context"),
    "not-allowed": Row(0x0124, "This AE may not store here"),
    BUG: Row(0xC0FF, "Internal error of the receiver"),
}


@dataclass(frozen=True)
class Answer:
    """What the sender is told. ``offending`` is a tag, or 0 where no element is to blame."""

    status: int
    code: str = "stored"
    comment: str = ""
    offending: int = 0
    keeps_bytes: bool = False


STORED = Answer(SUCCESS)
STOPPED = Answer(TABLE["stopping"].status, "stopping", TABLE["stopping"].comment)


def answer(error: Exception) -> Answer:
    """The answer to what went wrong; whatever isn't in the table is a bug of ours."""
    code = error.reason_code if isinstance(error, WetreadError) and error.reason_code in TABLE else BUG
    row = TABLE[code]
    tag = str(error.facts.get("tag", "0")) if isinstance(error, WetreadError) else "0"
    return Answer(row.status, code, row.comment, int(tag, 16), row.keeps_bytes)

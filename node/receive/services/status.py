"""The status tables of the DIMSE-N services: every refusal that they know, and what the peer is told (PS3.7 10.1, annex C).

A peer never reads the text of an exception: comments come from here. ``Error ID`` A710 is PS3.4 table F.7.2-2.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from pydicom.datadict import tag_for_keyword
from pydicom.dataset import Dataset

from storage.base.errors import PeerError, TransientError

SUCCESS = 0x0000
BUG = "bug"


@dataclass(frozen=True)
class Row:
    """One refusal. ``comment`` is a LO of at most 64 characters, keywords that follow it included."""

    status: int
    comment: str
    error_id: int | None = None


_OF_ALL: Mapping[str, Row] = {
    "not-allowed": Row(0x0124, "This AE may not use this service here"),
    "no-such-class": Row(0x0118, "The SOP Class isn't the one negotiated for this context"),
    "no-space": Row(0x0213, "Too little free disk space; send again later"),
    "spool": Row(0x0213, "The disk failed; send again later"),
    BUG: Row(0x0110, "Internal error of the receiver"),
}
COMMITMENT: Mapping[str, Row] = {
    **_OF_ALL,
    "no-such-instance": Row(0x0112, "Not the well-known SOP Instance of storage commitment"),
    "no-such-action": Row(0x0123, "The only action is Request Storage Commitment (1)"),
    "no-argument": Row(0x0114, "Action Information is missing"),
    "mistyped": Row(0x0212, "Action Information can't be parsed"),
    "bad-value": Row(0x0115, "Missing or malformed:"),
    "too-many": Row(0x0213, "Too many instances in one request; split it"),
}
PROCEDURE_STEP: Mapping[str, Row] = {
    **_OF_ALL,
    "duplicate": Row(0x0111, "There is a procedure step of this UID already"),
    "no-such-instance": Row(0x0112, "There is no procedure step of this UID"),
    "ended": Row(0x0110, "Performed Procedure Step Object may no longer be updated", 0xA710),
    "bad-uid": Row(0x0117, "The SOP Instance UID is malformed"),
    "missing": Row(0x0120, "Missing:"),
    "empty": Row(0x0121, "Without a value:"),
    "bad-value": Row(0x0106, "Not a value for this:"),
    "mistyped": Row(0x0212, "The data set can't be parsed"),
    "too-many": Row(0x0213, "Too many instances in one message"),
}
AVAILABILITY: Mapping[str, Row] = {
    key: row for key, row in PROCEDURE_STEP.items() if key not in ("duplicate", "ended", "no-such-instance")
}


class Refused(PeerError):
    """A request that isn't served; ``keywords`` are the attributes to blame."""

    def __init__(self, code: str, *keywords: str) -> None:
        super().__init__(f"refused: {code} {' '.join(keywords)}", code=code)
        self.keywords = keywords


def refusal(table: Mapping[str, Row], error: Exception) -> tuple[str, Dataset]:
    """The code of what went wrong and the status to answer; whatever isn't in the table is a bug of ours."""
    code = error.reason_code if isinstance(error, PeerError | TransientError) and error.reason_code in table else BUG
    keywords = error.keywords if isinstance(error, Refused) else ()
    return code, _dataset(table[code], keywords)


def _dataset(row: Row, keywords: Sequence[str]) -> Dataset:
    answer = Dataset()
    answer.Status = row.status
    answer.ErrorComment = " ".join([row.comment, *keywords])[:64]
    if row.error_id is not None:
        answer.ErrorID = row.error_id
    tags = [tag for keyword in keywords if (tag := tag_for_keyword(keyword)) is not None]
    if tags:
        answer.AttributeIdentifierList = tags
    return answer

"""The DIMSE-N services: what each does, and what it answers."""

from __future__ import annotations

from collections.abc import Mapping

from pydicom.datadict import tag_for_keyword
from pydicom.tag import Tag

from node.conformance.markdown import status, table
from node.deliver.commitment import verify
from node.deliver.commitment.verifier import PATIENCE_S
from node.receive.services.availability import AVAILABILITIES
from node.receive.services.messages import MOST_BYTES, MOST_INSTANCES, MOST_STUDIES
from node.receive.services.procedure_steps import REQUIRED, STATES
from node.receive.services.reports import AFTER_BEGIN_S, AFTER_REQUEST_S
from node.receive.services.status import AVAILABILITY, COMMITMENT, PROCEDURE_STEP, SUCCESS, Row

# Failure Reason (0008,1197), PS3.3 C.14.1.1: those of the Standard, and when we give them.
_REASONS = (
    (verify.PROCESSING_FAILURE, "a byte of the stored data set isn't as it came, or can't be read"),
    (verify.NO_SUCH_INSTANCE, f"the instance isn't here, after {PATIENCE_S:g} s of waiting for the index too"),
    (0x0213, "not used: a full disk is answered to the request"),
    (0x0122, "not used: all Storage SOP Classes are supported"),
    (verify.CLASS_INSTANCE_CONFLICT, "the instance is of another SOP Class"),
    (verify.DUPLICATE_TRANSACTION_UID, "the Transaction UID was used for another request"),
)


def commitment() -> str:
    """N.5.2.6: storage commitment as SCP."""
    return f"""\
As SCP of the Push Model. A request that is answered 0000 is durable. Then each instance is read again from the disk,
and the digest of its data set compared with what came. One N-EVENT-REPORT says how it went, of type 1 when all is
well, else 2, each with the full lists. It goes out on the association that asked while that is open, up to
{AFTER_REQUEST_S:g} s after the request; else on an association of our own to the peer whose AE title asked, where we
propose the role of SCP; and on any association that the requester opens meanwhile with this SOP Class, in its first
{AFTER_BEGIN_S:g} s. It is tried again until it is answered, over restarts too, and sent at least once.

Storage Media File-Set attributes and Retrieve AE Title are not used. Committed instances stay: nothing is deleted
automatically.

{table(("Failure Reason (0008,1197)", "When"), ((status(code), when) for code, when in _REASONS))}"""


def procedure_steps() -> str:
    """Modality Performed Procedure Step as SCP."""
    rows = ((keyword, _tag(keyword)) for keyword in REQUIRED)
    return f"""\
As SCP of N-CREATE and N-SET; N-GET and notifications are not supported. A completed step is evidence: the Studies
that it names are complete when all instances of its Performed Series Sequence are here. States: {", ".join(STATES)}.
A step that has ended takes no N-SET. Nothing of a step is stored but its UID, its state, and what Studies and
instances it names.

Attributes without which N-CREATE is refused:

{table(("Attribute", "Tag"), rows)}"""


def availability() -> str:
    """Instance Availability Notification as SCP."""
    return f"""\
As SCP of N-CREATE. The instances that another archive says it holds ({", ".join(sorted(AVAILABILITIES))}; the last
counts as not held) are evidence as above. Nothing is retrieved because of a notification."""


def limits() -> str:
    """What a request may be."""
    return f"A request names at most {MOST_INSTANCES} instances and {MOST_STUDIES} Studies, in at most {MOST_BYTES} bytes."


def commitment_table() -> str:
    """Statuses of N-ACTION."""
    return _statuses(COMMITMENT)


def procedure_step_table() -> str:
    """Statuses of N-CREATE and N-SET for procedure steps."""
    return _statuses(PROCEDURE_STEP)


def availability_table() -> str:
    """Statuses of N-CREATE for notifications."""
    return _statuses(AVAILABILITY)


def _statuses(rows: Mapping[str, Row]) -> str:
    found: list[tuple[str, str, str]] = [(status(SUCCESS), "", "the message is durable")]
    for code, row in rows.items():
        more = "" if row.error_id is None else f", Error ID {status(row.error_id)}"
        comment = f"{row.comment} …" if row.comment.endswith(":") else row.comment
        found.append((status(row.status), f"Error Comment{more}", f"{comment} ({code})"))
    return table(("Status code", "Related fields", "Condition"), found)


def _tag(keyword: str) -> str:
    found = Tag(tag_for_keyword(keyword) or 0)
    return f"({found.group:04X},{found.element:04X})"

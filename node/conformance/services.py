"""N.5: the services, as SCU and as SCP."""

from __future__ import annotations

from node.conformance.markdown import name_of, table
from node.receive.associate.admission import Service
from node.receive.associate.negotiation import OF_SERVICE

# The objects that this node makes and sends.
SENT = ("1.2.840.10008.5.1.4.1.1.66.4", "1.2.840.10008.5.1.4.1.1.88.34")
_MEANT: dict[Service, tuple[str, str, str]] = {
    "echo": ("Verification", "yes", "yes"),
    "commitment": ("Storage Commitment", "no", "yes"),
    "mpps": ("Modality Performed Procedure Step", "no", "yes"),
    "ian": ("Instance Availability Notification", "no", "yes"),
}


def services_table() -> str:
    """All services and roles."""
    rows: list[tuple[str, str, str, str]] = [
        ("Storage", "yes: objects of this node", "yes: all Storage SOP Classes, also private", "C-STORE")
    ]
    for uid, service in OF_SERVICE.items():
        label, scu, scp = _MEANT[service]
        rows.append((label, scu, scp, uid))
    return table(("Service", "SCU", "SCP", "SOP Class"), rows)


def sent_classes_table() -> str:
    """What is sent as SCU."""
    return table(("SOP Class", "UID", "Transfer syntax"), ((name_of(uid), uid, "Explicit VR Little Endian") for uid in SENT))


def services() -> str:
    """The section."""
    return f"""\
### N.5.2.5 Storage

As SCP: Level 2 (Full). An instance is answered 0000 when its bytes, its name and the record of its arrival are
durable; the settings may relax that for a source. Data sets are kept bit by bit, with private attributes, in their
transfer syntax; only the file head is the node's own. Pixels are neither decoded nor changed, nothing is coerced, and
no instance is ever deleted to make room. The same bytes under the same SOP Instance UID, sent again, are answered
0000 and change nothing. Other bytes under it are answered 0000, kept as another version, and flagged.

As SCU: Segmentation and Comprehensive 3D SR made by the node. A model that segments makes both, or the SR alone where
it found nothing; one that classifies makes an SR with the probability of each finding; one that detects makes an SR
with the box and the certainty of each finding, and a SEG where it outlines them too. Their UIDs depend on what they
were made from: a repeated attempt sends the same object.

{sent_classes_table()}"""

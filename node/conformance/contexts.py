"""What is agreed to: SOP Classes and transfer syntaxes, asked of the functions that negotiate."""

from __future__ import annotations

from itertools import pairwise

from node.conformance.markdown import name_of, registered, table
from node.receive.associate.negotiation import OF_SERVICE, is_storage
from node.receive.dataset.encodings import is_accepted, preferred

PREFERENCE = (
    "encodings that keep every pixel and VR: native Explicit VR Little Endian, lossless compression, deflated",
    "Implicit VR Little Endian, which says no VR of private attributes",
    "Explicit VR Big Endian",
    "encodings that may have lost pixels",
)


def storage_classes() -> list[str]:
    """The registered SOP Classes that are stored, by UID."""
    return [uid for uid in registered("SOP Class") if uid not in OF_SERVICE and is_storage(uid)]


def transfer_syntaxes() -> list[str]:
    """The registered transfer syntaxes that are taken, best first, equals by UID."""
    return preferred(uid for uid in registered("Transfer Syntax") if is_accepted(uid))


def refused_syntaxes() -> list[str]:
    """The registered transfer syntaxes in which nothing is taken."""
    return [uid for uid in registered("Transfer Syntax") if not is_accepted(uid)]


def places() -> dict[str, int]:
    """The place of each transfer syntax in our order, from 1: those whose order the requestor decides share one."""
    ordered = transfer_syntaxes()
    found, place = {ordered[0]: 1}, 1
    for before, uid in pairwise(ordered):
        place += preferred([uid, before]) == [before, uid]
        found[uid] = place
    return found


def storage_table() -> str:
    """SOP Classes of the Storage Service."""
    return table(("SOP Class", "UID"), ((name_of(uid), uid) for uid in storage_classes()))


def syntax_table() -> str:
    """Transfer syntaxes of the Storage Service and their place."""
    return table(("Place", "Transfer Syntax", "UID"), ((place, name_of(uid), uid) for uid, place in places().items()))

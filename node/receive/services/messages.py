"""Reading the data set of a DIMSE-N request: its structure is checked before a value is decoded, its lists are bounded."""

from __future__ import annotations

from collections.abc import Iterable
from io import BytesIO

from pydicom.dataset import Dataset
from pydicom.sequence import Sequence
from pydicom.uid import UID
from pynetdicom.dsutils import decode

from node.receive.dataset.elements import Malformed, TooMany, top_level
from node.receive.dataset.encodings import encoding_of
from node.receive.services.status import Refused
from node.receive.spool.records import References
from storage.base.errors import PeerError
from storage.base.uids import check_uid

MOST_INSTANCES = 20_000
MOST_STUDIES = 100
MOST_BYTES = 8 * 2**20
MOST_PARTS = 4 * MOST_INSTANCES  # elements and items: pydicom makes objects of all of them


def read(stream: BytesIO | None, transfer_syntax_uid: str) -> Dataset:
    """The data set of a request; an empty one where there is none.

    Raises
    ------
    Refused
        ``mistyped`` or ``too-many``.
    """
    data = stream.getvalue() if stream is not None else b""
    if len(data) > MOST_BYTES:
        raise Refused("too-many")
    try:
        if sum(element.parts for element in top_level(data, encoding_of(transfer_syntax_uid), MOST_PARTS)) > MOST_PARTS:
            raise Refused("too-many")
        uid = UID(transfer_syntax_uid)
        dataset: Dataset = decode(BytesIO(data), uid.is_implicit_VR, uid.is_little_endian, False)
    except TooMany as error:
        raise Refused("too-many") from error
    except Malformed as error:
        raise Refused("mistyped") from error
    return dataset


def value(dataset: Dataset, keyword: str, code: str = "bad-value") -> str:
    """One text, "" where it is absent or empty; never several.

    It is read from the bytes: pydicom would warn of odd values by quoting them.

    Raises
    ------
    Refused
        It holds several values, or none that are text.
    """
    data = dataset.get_item(keyword).value if keyword in dataset else None
    if data is None:
        return ""
    if not isinstance(data, bytes) or b"\\" in data:
        raise Refused(code, keyword)
    return data.decode("latin-1").strip("\0 ")


def uid(dataset: Dataset, keyword: str, code: str = "bad-value") -> str:
    """A UID that is there and is one.

    Raises
    ------
    Refused
        With ``code``.
    """
    try:
        return check_uid(value(dataset, keyword, code))
    except Refused:
        raise
    except PeerError as error:
        raise Refused(code, keyword) from error


def items(dataset: Dataset, keyword: str, code: str = "bad-value") -> list[Dataset]:
    """The items of a sequence, none where it is absent or empty. Raises Refused where it is none."""
    if keyword not in dataset:
        return []
    found = dataset.get_item(keyword)
    try:
        sequence = dataset[keyword].value if found.VR in ("SQ", "UN", None) else None
    except Exception as error:  # whatever the decoder makes of a peer's bytes
        raise Refused(code, keyword) from error
    if not isinstance(sequence, Sequence):
        raise Refused(code, keyword)
    return list(sequence)


def references(holders: Iterable[Dataset], keyword: str, code: str = "bad-value") -> References:
    """The instances that a sequence ``keyword`` of each holder names, each once, in their order (PS3.3 table 10-11).

    Raises
    ------
    Refused
        ``code`` for what is no reference, ``too-many``.
    """
    found: dict[tuple[str, str], None] = {}
    for holder in holders:
        for item in items(holder, keyword, code):
            found[uid(item, "ReferencedSOPClassUID", code), uid(item, "ReferencedSOPInstanceUID", code)] = None
            if len(found) > MOST_INSTANCES:
                raise Refused("too-many")
    return tuple(found)

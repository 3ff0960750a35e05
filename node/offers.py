"""Results of storage commitment that wait to be fetched: small files between who verifies and who holds associations.

    ROOT/AB12…/ID.json     one folder an AE title (a hash of it: a peer's text never becomes a path), one file a request

Who verifies puts a result there; a receiving process takes it when the requester has an association open with us, and then it is
gone for others: a file is renamed before it is read. An offer may be lost or sent twice, never half read; the row that it came
from knows whether it was answered. Absent on purpose: patient data; UIDs and reasons are all there is.
"""

from __future__ import annotations

import hashlib
import json
import os
import secrets
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path

from pydicom.dataset import Dataset
from pydicom.sequence import Sequence

from storage.base.errors import TransientError

STORAGE_COMMITMENT = "1.2.840.10008.1.20.1"
STORAGE_COMMITMENT_INSTANCE = "1.2.840.10008.1.20.1.1"
FOLDER = "offers"
ALL_COMMITTED, SOME_FAILED = 1, 2


@dataclass(frozen=True)
class Offer:
    """The result of one request (PS3.4 J.3.3): ``committed`` by SOP Class and Instance UID, ``failed`` with the reason too.

    ``association_uid`` is our name of the one association that it is for, "" for any of the requester's. ``commitment`` and
    ``asked`` name the request in our rows.
    """

    commitment: int
    asked: int
    transaction_uid: str
    association_uid: str
    committed: tuple[tuple[str, str], ...]
    failed: tuple[tuple[str, str, int], ...]

    @property
    def event_type(self) -> int:
        """Event Type ID (PS3.4 J.3.3.1)."""
        return SOME_FAILED if self.failed else ALL_COMMITTED

    def event_information(self) -> Dataset:
        """What the N-EVENT-REPORT says (PS3.4 table J.3-2)."""
        dataset = Dataset()
        dataset.TransactionUID = self.transaction_uid
        if self.failed:
            dataset.FailedSOPSequence = Sequence([_item(c, i, reason) for c, i, reason in self.failed])
        if self.committed:
            dataset.ReferencedSOPSequence = Sequence([_item(c, i) for c, i in self.committed])
        return dataset


class Offers:
    """The folder of all offers; any number of processes may use it."""

    def __init__(self, root: Path) -> None:
        self._root = root

    def put(self, ae_title: str, offer: Offer) -> None:
        """Offer a result to an AE title, in place of an earlier one of the same request.

        Raises
        ------
        TransientError
            The disk failed or is full.
        """
        folder = self._folder(ae_title)
        part = folder / f".{secrets.token_hex(8)}"
        try:
            folder.mkdir(parents=True, exist_ok=True)
            part.write_text(json.dumps(asdict(offer)))
            part.replace(folder / f"{offer.commitment}.json")
        except OSError as error:
            with suppress(OSError):
                part.unlink()
            raise TransientError(f"{folder}: can't be written ({error.strerror})", code="offers") from error

    def withdraw(self, ae_title: str, commitment: int) -> bool:
        """Take an offer back; False when it is not there any more: somebody has taken it."""
        try:
            (self._folder(ae_title) / f"{commitment}.json").unlink()
        except OSError:
            return False
        return True

    def has(self, ae_title: str, commitment: int) -> bool:
        """Whether an offer still lies there."""
        return (self._folder(ae_title) / f"{commitment}.json").exists()

    def are_there(self, ae_title: str) -> bool:
        """Whether anything is offered to this AE title."""
        return next(self._names(ae_title), None) is not None

    def take(self, ae_title: str, association_uid: str) -> Offer | None:
        """An offer for this association, or for any of this AE title; nobody else gets it then."""
        for path in sorted(self._names(ae_title)):
            offer = _read(path)
            if offer is None or offer.association_uid not in ("", association_uid):
                continue
            taken = path.with_name(f".{secrets.token_hex(8)}")
            with suppress(OSError):
                path.rename(taken)
                mine = _read(taken)
                taken.unlink()
                # Between our look and the rename another may have taken its place.
                if mine is not None and mine.association_uid in ("", association_uid):
                    return mine
        return None

    def clear(self) -> None:
        """Remove all: whoever offers begins anew."""
        for path in self._root.glob("*/*"):
            with suppress(OSError):
                path.unlink()
        for folder in self._root.glob("*"):
            with suppress(OSError):
                folder.rmdir()

    def _folder(self, ae_title: str) -> Path:
        return self._root / hashlib.sha256(ae_title.encode()).hexdigest()[:16]

    def _names(self, ae_title: str) -> Iterator[Path]:
        folder = self._folder(ae_title)
        try:
            with os.scandir(folder) as found:
                names = [entry.name for entry in found if not entry.name.startswith(".")]
        except OSError:
            return iter(())
        return (folder / name for name in names)


def _read(path: Path) -> Offer | None:
    try:
        fields = json.loads(path.read_bytes())
        fields["committed"] = tuple((c, i) for c, i in fields["committed"])
        fields["failed"] = tuple((c, i, int(reason)) for c, i, reason in fields["failed"])
        return Offer(**fields)
    except (OSError, ValueError, TypeError, KeyError):
        return None


def _item(sop_class_uid: str, sop_instance_uid: str, reason: int | None = None) -> Dataset:
    item = Dataset()
    item.ReferencedSOPClassUID = sop_class_uid
    item.ReferencedSOPInstanceUID = sop_instance_uid
    if reason is not None:
        item.FailureReason = reason
    return item

"""Instance Availability Notification as SCP (PS3.4 R.3): another archive says which instances of a Study it has."""

from __future__ import annotations

from pydicom.dataset import Dataset
from pynetdicom.dimse_primitives import N_CREATE

from node.receive.associate.sessions import Session
from node.receive.services import messages
from node.receive.services.procedure_steps import step_uid
from node.receive.services.status import Refused
from node.receive.spool.records import AvailabilityNoted, References
from node.receive.spool.spool import Spool
from storage.base.clock import Clock
from storage.base.uids import derive_uid

AVAILABILITIES = frozenset({"ONLINE", "NEARLINE", "OFFLINE", "UNAVAILABLE"})
_GONE = "UNAVAILABLE"


class Availability:
    """Takes notifications for all associations of one receiver."""

    def __init__(self, spool: Spool, clock: Clock) -> None:
        self._spool = spool
        self._clock = clock

    def create(self, request: N_CREATE, transfer_syntax_uid: str, session: Session) -> str:
        """Keep one notification; returns its UID, made by us where the request has none. Raises as `Refused` says."""
        uid = step_uid(request.AffectedSOPInstanceUID) or derive_uid("availability notification", self._spool.new_name())
        dataset = messages.read(request.AttributeList, transfer_syntax_uid)
        for keyword in ("StudyInstanceUID", "ReferencedSeriesSequence"):
            if keyword not in dataset:
                raise Refused("missing", keyword)
        study = messages.uid(dataset, "StudyInstanceUID")
        record = AvailabilityNoted(session.facts, self._clock.utc(), uid, study, _available(dataset))
        self._spool.require_space(0)
        self._spool.put_record(record)
        return uid


def _available(dataset: Dataset) -> References:
    series = messages.items(dataset, "ReferencedSeriesSequence")
    if not series:
        raise Refused("empty", "ReferencedSeriesSequence")
    said = messages.references(series, "ReferencedSOPSequence")
    if not said:
        raise Refused("missing", "ReferencedSOPSequence")
    gone = {
        (messages.uid(item, "ReferencedSOPClassUID"), messages.uid(item, "ReferencedSOPInstanceUID"))
        for of_series in series
        for item in messages.items(of_series, "ReferencedSOPSequence")
        if _availability(item) == _GONE
    }
    return tuple(reference for reference in said if reference not in gone)


def _availability(item: Dataset) -> str:
    if "InstanceAvailability" not in item:
        raise Refused("missing", "InstanceAvailability")
    found = messages.value(item, "InstanceAvailability")
    if found not in AVAILABILITIES:
        raise Refused("bad-value", "InstanceAvailability")
    return found

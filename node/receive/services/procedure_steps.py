"""Modality Performed Procedure Step as SCP (PS3.4 F.7.2): N-CREATE begins a step, N-SET goes on with it and ends it."""

from __future__ import annotations

from pydicom.dataset import Dataset
from pynetdicom.dimse_primitives import N_CREATE, N_SET

from node.receive.associate.sessions import Session
from node.receive.services import messages
from node.receive.services.messages import MOST_STUDIES
from node.receive.services.status import Refused
from node.receive.services.steps import Step, Steps
from node.receive.spool.records import ProcedureStepNoted, References, StepState
from node.receive.spool.spool import Spool
from storage.base.clock import Clock
from storage.base.errors import PeerError
from storage.base.uids import check_uid, derive_uid

STATES: dict[str, StepState] = {"IN PROGRESS": "in-progress", "COMPLETED": "completed", "DISCONTINUED": "discontinued"}
# PS3.4 table F.7.2-1: type 1 for the SCU's N-CREATE.
REQUIRED = (
    "ScheduledStepAttributesSequence",
    "PerformedProcedureStepID",
    "PerformedStationAETitle",
    "PerformedProcedureStepStartDate",
    "PerformedProcedureStepStartTime",
    "PerformedProcedureStepStatus",
    "Modality",
)
_LISTS = ("ReferencedImageSequence", "ReferencedNonImageCompositeSOPInstanceSequence")


class ProcedureSteps:
    """Takes N-CREATE and N-SET for all associations of one receiver."""

    def __init__(self, spool: Spool, clock: Clock, steps: Steps) -> None:
        self._spool = spool
        self._clock = clock
        self._steps = steps

    def create(self, request: N_CREATE, transfer_syntax_uid: str, session: Session) -> str:
        """Begin a step; returns its UID, made by us where the request has none (PS3.7 10.1.5.1.4). Raises as `Refused` says."""
        uid = step_uid(request.AffectedSOPInstanceUID) or derive_uid("procedure step", self._spool.new_name())
        dataset = messages.read(request.AttributeList, transfer_syntax_uid)
        _require(dataset)
        if _state(dataset) != "in-progress":
            raise Refused("bad-value", "PerformedProcedureStepStatus")
        step = Step("in-progress", _studies(dataset), _references(dataset) or ())
        with self._steps.locked():
            if self._steps.find(uid) is not None:
                raise Refused("duplicate")
            self._keep(uid, step, session)
        return uid

    def set(self, request: N_SET, transfer_syntax_uid: str, session: Session) -> None:
        """Go on with a step, or end it. Raises as `Refused` says."""
        uid = step_uid(request.RequestedSOPInstanceUID)
        dataset = messages.read(request.ModificationList, transfer_syntax_uid)
        state, listed = _state(dataset), _references(dataset)
        with self._steps.locked():
            known = self._steps.find(uid)
            if known is None:
                raise Refused("no-such-instance")
            if known.state != "in-progress":
                raise Refused("ended")
            step = Step(state or known.state, known.studies, known.references if listed is None else listed)
            if step.state == "completed" and not step.references and "PerformedSeriesSequence" not in dataset:
                raise Refused("missing", "PerformedSeriesSequence")
            self._keep(uid, step, session)

    def _keep(self, uid: str, step: Step, session: Session) -> None:
        self._spool.require_space(0)
        now = self._clock.utc()
        self._spool.put_record(ProcedureStepNoted(session.facts, now, uid, step.state, step.studies, step.references))
        self._steps.put(uid, step)


def step_uid(given: object) -> str:
    """The UID that a request gives, "" where it gives none. Raises Refused."""
    if not given:
        return ""
    try:
        return check_uid(str(given))
    except PeerError as error:
        raise Refused("bad-uid") from error


def _require(dataset: Dataset) -> None:
    missing = [keyword for keyword in REQUIRED if keyword not in dataset]
    if missing:
        raise Refused("missing", *missing)
    empty = [keyword for keyword in REQUIRED[1:] if not messages.value(dataset, keyword)]
    if empty:
        raise Refused("empty", *empty)


def _state(dataset: Dataset) -> StepState | None:
    """The status that a message gives, None where it gives none."""
    text = messages.value(dataset, "PerformedProcedureStepStatus")
    if not text:
        return None
    if text not in STATES:
        raise Refused("bad-value", "PerformedProcedureStepStatus")
    return STATES[text]


def _studies(dataset: Dataset) -> tuple[str, ...]:
    scheduled = messages.items(dataset, "ScheduledStepAttributesSequence")
    if not scheduled:
        raise Refused("empty", "ScheduledStepAttributesSequence")
    if any("StudyInstanceUID" not in item for item in scheduled):
        raise Refused("missing", "StudyInstanceUID")
    if len(scheduled) > MOST_STUDIES:
        raise Refused("too-many")
    return tuple(dict.fromkeys(messages.uid(item, "StudyInstanceUID") for item in scheduled))


def _references(dataset: Dataset) -> References | None:
    """The instances of all performed series, None where the message doesn't speak of series at all."""
    if "PerformedSeriesSequence" not in dataset:
        return None
    series = messages.items(dataset, "PerformedSeriesSequence")
    found = [messages.references(series, keyword) for keyword in _LISTS]
    return tuple(dict.fromkeys(reference for listed in found for reference in listed))

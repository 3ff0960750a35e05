"""The tables, as typed SQLAlchemy models."""

from storage.schema.base import Base, UTCDateTime
from storage.schema.evidence import Commitment, CommitmentInstance, Evidence, ProcedureStep
from storage.schema.intake import Arrival, Association, ReceiverLife, SourceAE
from storage.schema.routing import Evaluation, ModelPackage, RuleDecision, RuleVersion
from storage.schema.study import Instance, InstanceHeader, Revision, RevisionInstance, Series, Study
from storage.schema.work import Delivery, Event, Job, JobDestination, JobInput, Lease, ResultObject

__all__ = [
    "Arrival",
    "Association",
    "Base",
    "Commitment",
    "CommitmentInstance",
    "Delivery",
    "Evaluation",
    "Event",
    "Evidence",
    "Instance",
    "InstanceHeader",
    "Job",
    "JobDestination",
    "JobInput",
    "Lease",
    "ModelPackage",
    "ProcedureStep",
    "ReceiverLife",
    "ResultObject",
    "Revision",
    "RevisionInstance",
    "RuleDecision",
    "RuleVersion",
    "Series",
    "SourceAE",
    "Study",
    "UTCDateTime",
]

"""Jobs: one run of one model on named Series. The only writer of job rows.

``request`` inserts (routing, in its own transaction), ``claim`` hands out under a lease, ``moves`` carry a held job on (the
dispatcher, fenced), ``people`` are what a person may ask for. Every call takes a session of ``Database.write()`` unless it says
that it only reads.
"""

from storage.jobs.claim import claim, claimable, expired, reap_expired, release_former, renew, take
from storage.jobs.fence import Claim, Fence, Kind, NewResult
from storage.jobs.moves import fail, finish_infer, finish_report, hand_back, refuse, release_infra
from storage.jobs.people import cancel, rerun, retry
from storage.jobs.reading import JobTask, get_job, list_jobs, list_results, task_of
from storage.jobs.request import input_digest, parameters_digest, request_job
from storage.states import LeaseLost

__all__ = [
    "Claim",
    "Fence",
    "JobTask",
    "Kind",
    "LeaseLost",
    "NewResult",
    "cancel",
    "claim",
    "claimable",
    "expired",
    "fail",
    "finish_infer",
    "finish_report",
    "get_job",
    "hand_back",
    "input_digest",
    "list_jobs",
    "list_results",
    "parameters_digest",
    "reap_expired",
    "refuse",
    "release_former",
    "release_infra",
    "renew",
    "request_job",
    "rerun",
    "retry",
    "take",
    "task_of",
]

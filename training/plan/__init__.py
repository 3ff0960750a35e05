"""What self-configuration decides, with its reasons, before the first step."""

from __future__ import annotations

from training.plan.document import Decision, Plan, digest_of, read_plan, write_plan
from training.plan.fingerprint import Fingerprint, fingerprint
from training.plan.make import given_plan, make_plan, multiple_fault, step_need
from training.plan.origin import made_from
from training.plan.steps import StepTimer

__all__ = [
    "Decision",
    "Fingerprint",
    "Plan",
    "StepTimer",
    "digest_of",
    "fingerprint",
    "given_plan",
    "made_from",
    "make_plan",
    "multiple_fault",
    "read_plan",
    "step_need",
    "write_plan",
]

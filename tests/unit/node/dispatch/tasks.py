"""Tasks for executor tests; ``fault`` tells the fault injector how to misbehave."""

from __future__ import annotations

import sys
from collections.abc import Callable

from inference.protocol import Outcome, Progress, TaskSpec
from node.dispatch.local import LocalExecutor

FAKE_HOST = (sys.executable, "-m", "tests.support.fake_host")
DIGEST_A = "a" * 64
DIGEST_B = "b" * 64
PATIENCE_S = 120.0


def make_task(job_id: int = 1, *, fault: str = "", digest: str = DIGEST_A, deadline_s: float = 30.0) -> TaskSpec:
    return TaskSpec(
        kind="infer",
        job_id=job_id,
        attempt=1,
        model_name="fake",
        model_digest=digest,
        parameters={"fault": fault},
        study_instance_uid="1.2.3",
        inputs={},
        output_prefix=f"jobs/{job_id}/1",
        created_at="2026-01-01T00:00:00+00:00",
        uid_entropy=("1.2.3",),
        deadline_s=deadline_s,
    )


def outcomes(
    executor: LocalExecutor, count: int, while_waiting: Callable[[], object] = lambda: None
) -> tuple[list[Outcome], list[Progress]]:
    """Poll until ``count`` outcomes have come; fails rather than waits for ever."""
    ended: list[Outcome] = []
    steps: list[Progress] = []
    for _ in range(int(PATIENCE_S / 0.1)):
        for answer in executor.poll(0.1):
            if isinstance(answer, Outcome):
                ended.append(answer)
            else:
                steps.append(answer)
        if len(ended) >= count:
            return ended, steps
        while_waiting()
    raise AssertionError(f"{len(ended)} of {count} outcomes came within {PATIENCE_S} s")

"""The local executor against real child processes that misbehave on demand: every task yields exactly one Outcome."""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from inference.protocol import MAX_ANSWER_BYTES, Progress
from node.dispatch.local import LocalExecutor
from storage.base.clock import SystemClock
from tests.unit.node.dispatch.tasks import DIGEST_A, DIGEST_B, FAKE_HOST, make_task, outcomes

pytestmark = pytest.mark.heavy

Make = Callable[..., LocalExecutor]


@pytest.fixture
def make(tmp_path: Path) -> Iterator[Make]:
    made: list[LocalExecutor] = []

    def build(**options: object) -> LocalExecutor:
        keywords = {"workers": 1, "blobs": str(tmp_path), "threads": 1, "command": FAKE_HOST, **options}
        made.append(LocalExecutor(SystemClock(), **keywords))  # type: ignore[arg-type]
        return made[-1]

    yield build
    for executor in made:
        executor.close()


def test_a_task_runs_and_its_host_stays_warm(make: Make, tmp_path: Path) -> None:
    executor = make()
    pids = set()
    for job_id in (1, 2, 3):
        executor.submit(make_task(job_id), tmp_path)
        assert executor.free() == 0
        [outcome], _ = outcomes(executor, 1)
        assert (outcome.status, outcome.job_id) == ("ok", job_id)
        assert outcome.prediction is not None
        assert outcome.prediction.key == f"jobs/{job_id}/1/infer"
        pids.add(outcome.environment["process"])
        assert executor.free() == 1
    assert len(pids) == 1


def test_progress_reaches_the_dispatcher_in_order(make: Make, tmp_path: Path) -> None:
    executor = make()
    executor.submit(make_task(5), tmp_path)
    _, steps = outcomes(executor, 1)
    assert steps == [Progress(job_id=5, stage=stage, fraction=1.0) for stage in ("read", "network")]


@pytest.mark.parametrize(
    ("fault", "status", "code"),
    [
        ("crash", "infra_error", "host-died"),
        ("garbage", "infra_error", "host-protocol"),
        ("long-line", "infra_error", "host-protocol"),
        ("wrong-attempt", "infra_error", "host-protocol"),
        ("wrong-job", "infra_error", "host-protocol"),
        ("cancel-itself", "infra_error", "host-protocol"),
        ("infra", "infra_error", "io"),
        ("refuse", "refused", "slice-gap"),
        ("bad-output", "model_error", "output-labels"),
    ],
)
def test_every_fault_is_one_outcome_and_the_next_task_runs(
    make: Make, tmp_path: Path, fault: str, status: str, code: str
) -> None:
    executor = make()
    executor.submit(make_task(1, fault=fault), tmp_path)
    [outcome], _ = outcomes(executor, 1)
    assert (outcome.job_id, outcome.attempt, outcome.status, outcome.reason_code) == (1, 1, status, code)
    assert not [answer for answer in executor.poll(0.2) if not isinstance(answer, Progress)]
    executor.submit(make_task(2), tmp_path)
    [outcome], _ = outcomes(executor, 1)
    assert outcome.status == "ok"


@pytest.mark.parametrize(("package", "code"), [("dies-at-start", "host-start-failed"), ("other-digest", "host-protocol")])
def test_a_host_that_does_not_start_fails_its_task_as_infrastructure(make: Make, tmp_path: Path, package: str, code: str) -> None:
    executor = make()
    executor.submit(make_task(), tmp_path / package)
    [outcome], _ = outcomes(executor, 1)
    assert (outcome.status, outcome.reason_code) == ("infra_error", code)
    assert executor.free() == 1


def test_a_host_that_is_never_ready_is_killed_at_the_start_limit(make: Make, tmp_path: Path) -> None:
    executor = make(start_limit_s=0.3)
    executor.submit(make_task(), tmp_path / "never-ready")
    [outcome], _ = outcomes(executor, 1)
    assert (outcome.status, outcome.reason_code) == ("infra_error", "host-start-timeout")


def test_a_broken_package_is_told_as_such_and_its_host_does_not_stay(make: Make, tmp_path: Path) -> None:
    executor = make()
    executor.submit(make_task(1), tmp_path / "broken")
    [outcome], _ = outcomes(executor, 1)
    assert (outcome.status, outcome.broken_package) == ("model_error", True)
    # The same digest from a mended folder: a fresh host loads it.
    executor.submit(make_task(2), tmp_path / "mended")
    [outcome], _ = outcomes(executor, 1)
    assert outcome.status == "ok"


def test_a_program_that_is_not_there_fails_the_task(make: Make, tmp_path: Path) -> None:
    executor = make(command=[str(tmp_path / "missing")])
    executor.submit(make_task(), tmp_path)
    [outcome], _ = outcomes(executor, 1)
    assert (outcome.status, outcome.reason_code) == ("infra_error", "host-start-failed")
    assert executor.free() == 1


def test_a_task_over_its_deadline_is_killed(make: Make, tmp_path: Path) -> None:
    executor = make()
    executor.submit(make_task(1), tmp_path)
    [warm], _ = outcomes(executor, 1)
    executor.submit(make_task(2, fault="hang", deadline_s=0.3), tmp_path)
    [outcome], _ = outcomes(executor, 1)
    assert (outcome.status, outcome.reason_code) == ("infra_error", "deadline")
    _wait_until_gone(int(warm.environment["process"]), executor)


def test_a_killed_host_is_noticed_at_once_and_named(make: Make, tmp_path: Path) -> None:
    executor = make()
    executor.submit(make_task(1), tmp_path)
    [warm], _ = outcomes(executor, 1)
    executor.submit(make_task(2, fault="hang"), tmp_path)
    os.kill(int(warm.environment["process"]), signal.SIGKILL)
    [outcome], _ = outcomes(executor, 1)
    assert (outcome.status, outcome.reason_code) == ("infra_error", "host-died")
    assert "SIGKILL" in outcome.reason


def test_an_idle_host_that_dies_costs_nothing(make: Make, tmp_path: Path) -> None:
    executor = make()
    executor.submit(make_task(1), tmp_path)
    [warm], _ = outcomes(executor, 1)
    pid = int(warm.environment["process"])
    os.kill(pid, signal.SIGKILL)
    _wait_until_gone(pid, executor)
    executor.submit(make_task(2), tmp_path)
    [outcome], _ = outcomes(executor, 1)
    assert outcome.status == "ok"
    assert outcome.environment["process"] != warm.environment["process"]


def test_cancel_is_answered_by_the_host_and_keeps_it_warm(make: Make, tmp_path: Path) -> None:
    executor = make()
    executor.submit(make_task(1, fault="wait-for-cancel"), tmp_path)
    executor.cancel(1, attempt=2)
    executor.cancel(1, attempt=1)
    [outcome], _ = outcomes(executor, 1)
    assert outcome.status == "cancelled"
    assert executor.free() == 1


def test_a_host_deaf_to_cancel_is_killed(make: Make, tmp_path: Path) -> None:
    executor = make(cancel_limit_s=0.3)
    executor.submit(make_task(1, fault="hang"), tmp_path)
    executor.cancel(1, attempt=1)
    [outcome], _ = outcomes(executor, 1)
    assert outcome.status == "cancelled"
    assert executor.free() == 1


def test_the_least_recently_used_idle_host_makes_room(make: Make, tmp_path: Path) -> None:
    executor = make(workers=2)
    pids: dict[str, list[str]] = {}
    for number, digest in enumerate([DIGEST_A, DIGEST_B, DIGEST_A, "c" * 64, DIGEST_A], 1):
        executor.submit(make_task(number, digest=digest), tmp_path)
        [outcome], _ = outcomes(executor, 1)
        pids.setdefault(digest, []).append(outcome.environment["process"])
    # A was used after B, so C took B's place and A stayed warm throughout.
    assert len(set(pids[DIGEST_A])) == 1
    _wait_until_gone(int(pids[DIGEST_B][0]), executor)


def test_two_workers_run_two_tasks_of_one_model_at_once(make: Make, tmp_path: Path) -> None:
    executor = make(workers=2)
    executor.submit(make_task(1, fault="wait-for-cancel"), tmp_path)
    executor.submit(make_task(2), tmp_path)
    assert executor.free() == 0
    with pytest.raises(RuntimeError, match="free"):
        executor.submit(make_task(3), tmp_path)
    [outcome], _ = outcomes(executor, 1)
    assert outcome.job_id == 2
    executor.cancel(1, 1)
    assert outcomes(executor, 1)[0][0].job_id == 1


def test_a_task_larger_than_the_socket_buffer_arrives_whole(make: Make, tmp_path: Path) -> None:
    executor = make()
    task = make_task(1).model_copy(update={"parameters": {"fault": "", "padding": "p" * (4 * MAX_ANSWER_BYTES)}})
    executor.submit(task, tmp_path)
    assert outcomes(executor, 1)[0][0].status == "ok"


def test_close_leaves_no_process(make: Make, tmp_path: Path) -> None:
    executor = make()
    executor.submit(make_task(1), tmp_path)
    [warm], _ = outcomes(executor, 1)
    executor.submit(make_task(2, fault="hang"), tmp_path)
    executor.close()
    with pytest.raises(ProcessLookupError):
        os.kill(int(warm.environment["process"]), 0)


def _wait_until_gone(pid: int, executor: LocalExecutor) -> None:
    """The executor reaps in ``poll``; a process that it forgot would stay a zombie and fail here."""
    for _ in range(100):
        executor.poll(0.0)
        try:
            os.kill(pid, 0)
        except ProcessLookupError:
            return
        threading.Event().wait(0.05)
    raise AssertionError("the host was not ended")

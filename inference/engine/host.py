"""The model host: a process with one loaded package that runs one task at a time for the dispatcher.

It ends only by SIGKILL or when the dispatcher's end of the socket closes; SIGTERM and SIGINT, which a terminal or a service
manager sends to whole process groups, are the dispatcher's to act upon. Standard error carries our JSON log lines alone:
warnings of libraries may quote a data set and are dropped.
"""

from __future__ import annotations

import logging
import signal
import socket
import warnings
from pathlib import Path
from typing import TYPE_CHECKING

from inference.engine.failures import Failure, describe
from inference.engine.mailbox import Mailbox
from inference.engine.progress import Stages
from inference.protocol import Outcome, Progress, Ready, TaskSpec
from storage.base.clock import Clock
from storage.base.errors import ModelError
from storage.base.log import get_logger

if TYPE_CHECKING:
    from inference.engine.package import LoadedModel

_log = get_logger(__name__)

EXIT_NOT_LOADED = 1


def serve(fd: int, package: Path, digest: str, blobs_url: str, threads: int, clock: Clock) -> None:
    """Load ``package`` and run tasks from the socket ``fd`` until its other end closes. Returns only when loading failed."""
    _leave_signals_to_dispatcher()
    silence_libraries()
    mailbox = Mailbox(socket.socket(fileno=fd))
    started_s = clock.monotonic_s()
    try:
        loaded = _load(package, digest, threads)
    except Exception as error:  # noqa: BLE001 - outermost: whatever loading raises is the answer to the first task
        _refuse_first_task(mailbox, error)
        return
    load_s = clock.monotonic_s() - started_s
    mailbox.send(Ready(model_name=loaded.manifest.name, model_digest=digest, load_s=load_s))
    while True:
        task = mailbox.next_task()
        mailbox.send(run_task(task, loaded, blobs_url, _stages(task, mailbox, clock)))


def run_task(task: TaskSpec, loaded: LoadedModel, blobs_url: str, stages: Stages) -> Outcome:
    """Run one task to its Outcome; nothing it raises gets past here."""
    from inference.engine import tasks
    from storage.blobs import open_blobs

    work = tasks.infer if task.kind == "infer" else tasks.report
    try:
        return work(task, loaded, open_blobs(blobs_url), stages)
    except Exception as error:  # noqa: BLE001 - outermost: one task's fault must end as that task's outcome
        failure = describe(error)
        _log.warning("task.failed", job_id=task.job_id, kind=task.kind, code=failure.reason_code, status=failure.status)
        return _outcome(task, failure, stages.timings_s)


def _stages(task: TaskSpec, mailbox: Mailbox, clock: Clock) -> Stages:
    def tell(stage: str, fraction: float) -> None:
        mailbox.send(Progress(job_id=task.job_id, stage=stage, fraction=fraction))

    return Stages(clock, tell, lambda: mailbox.is_cancelled(task.job_id))


def _load(package: Path, digest: str, threads: int) -> LoadedModel:
    """Load the package. The import of torch waits until here, so that a dead dispatcher ends us even while it runs."""
    from inference.engine.loading import load_ready

    loaded = load_ready(package, threads)
    if loaded.digest != digest:
        raise ModelError(f"{package.name}: its files differ from what was registered", code="digest-mismatch")
    return loaded


def _refuse_first_task(mailbox: Mailbox, error: Exception) -> None:
    failure = describe(error, loading=True)
    _log.error("host.not-loaded", code=failure.reason_code, status=failure.status)
    mailbox.send(_outcome(mailbox.next_task(), failure, {}))


def _outcome(task: TaskSpec, failure: Failure, timings_s: dict[str, float]) -> Outcome:
    return Outcome(
        job_id=task.job_id,
        attempt=task.attempt,
        kind=task.kind,
        status=failure.status,
        reason_code=failure.reason_code,
        reason=failure.reason,
        broken_package=failure.broken_package,
        timings_s=timings_s,
    )


def _leave_signals_to_dispatcher() -> None:
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.SIG_IGN)


def silence_libraries() -> None:
    """Warnings and logs of libraries may quote a data set: drop them."""
    warnings.simplefilter("ignore")
    for name in ("pydicom", "highdicom", "torch", "monai"):
        logger = logging.getLogger(name)
        logger.handlers = [logging.NullHandler()]
        logger.propagate = False

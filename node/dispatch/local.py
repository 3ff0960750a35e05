"""The executor of one machine: one spawned model host process per loaded package, kept warm.

At most ``workers`` hosts live at once, each runs one task at a time. A package without a host takes a free place, else the
place of the idle host that was used longest ago. A host that misses its deadline, breaks the protocol or ends is killed, and
its task becomes an infrastructure failure; whatever happens, every task yields one Outcome.
"""

from __future__ import annotations

import contextlib
import selectors
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

from inference.protocol import Cancel, Outcome, Progress, Ready, TaskSpec
from node.dispatch.executor import Answer, cancelled_outcome, infra_outcome
from node.dispatch.host_process import HostLost, HostProcess, start_host
from storage.base.clock import Clock
from storage.base.log import get_logger

_log = get_logger(__name__)

HOST_COMMAND = (sys.executable, "-m", "inference", "host")
# From the spawn to the loaded and warmed-up model, on a slow disk and a busy machine.
START_LIMIT_S = 180.0
# From a cancel to the next window of the network, where the host looks for it.
CANCEL_LIMIT_S = 10.0
_REAP_S = 5.0


class LocalExecutor:
    """Model hosts on this machine, behind ``executor.Executor``."""

    def __init__(
        self,
        clock: Clock,
        *,
        workers: int,
        blobs: str,
        threads: int,
        command: Sequence[str] = HOST_COMMAND,
        start_limit_s: float = START_LIMIT_S,
        cancel_limit_s: float = CANCEL_LIMIT_S,
    ) -> None:
        self._clock = clock
        self._workers = workers
        self._command = [*command, "--blobs", blobs, "--threads", str(threads)]
        self._start_limit_s = start_limit_s
        self._cancel_limit_s = cancel_limit_s
        self._hosts: list[HostProcess] = []
        self._dying: list[subprocess.Popen[bytes]] = []
        self._answers: list[Answer] = []
        self._selector = selectors.DefaultSelector()

    def free(self) -> int:
        return self._workers - sum(host.task is not None for host in self._hosts)

    def submit(self, task: TaskSpec, package: Path) -> None:
        if self.free() < 1:
            raise RuntimeError("submitted more than free() allows")
        host = self._idle_host(task.model_digest)
        if host is None:
            host = self._spawn(task, package)
        if host is None:
            return
        host.task = task
        now_s = self._clock.monotonic_s()
        host.limit_s = now_s + (task.deadline_s if host.ready else self._start_limit_s)
        host.send(task)
        self._watch(host)

    def poll(self, timeout_s: float) -> list[Answer]:
        if not self._answers:
            for key, mask in self._selector.select(timeout_s):
                self._serve(key.data, mask)
        self._end_overdue()
        self._dying = [process for process in self._dying if process.poll() is None]
        answers, self._answers = self._answers, []
        return answers

    def cancel(self, job_id: int, attempt: int) -> None:
        for host in self._hosts:
            if host.task is None or host.cancelling or (host.task.job_id, host.task.attempt) != (job_id, attempt):
                continue
            host.cancelling = True
            host.limit_s = self._clock.monotonic_s() + self._cancel_limit_s
            host.send(Cancel(job_id=job_id))
            self._watch(host)

    def close(self) -> None:
        for host in [*self._hosts]:
            self._drop(host)
        for process in self._dying:
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(_REAP_S)
        self._selector.close()

    def _idle_host(self, digest: str) -> HostProcess | None:
        return next((host for host in self._hosts if host.task is None and host.digest == digest), None)

    def _spawn(self, task: TaskSpec, package: Path) -> HostProcess | None:
        """A new host for the task's package, or None and a failed task when the machine can't start one."""
        if len(self._hosts) >= self._workers:
            oldest = min((host for host in self._hosts if host.task is None), key=lambda host: host.last_used_s)
            _log.info("host.evicted", pid=oldest.process.pid, model_digest=oldest.digest)
            self._drop(oldest)
        try:
            host = start_host([*self._command, "--package", str(package)], task.model_digest)
        except OSError as error:
            _log.error("host.start-failed", model=task.model_name, errno=error.errno)
            self._answers.append(infra_outcome(task, "host-start-failed", f"no process could be started ({error.strerror})"))
            return None
        _log.info("host.started", pid=host.process.pid, model=task.model_name, model_digest=task.model_digest)
        self._hosts.append(host)
        self._selector.register(host.socket, selectors.EVENT_READ, host)
        return host

    def _watch(self, host: HostProcess) -> None:
        """Ask the selector for writability only while there is something to write."""
        events = selectors.EVENT_READ | (selectors.EVENT_WRITE if host.wants_to_write else 0)
        self._selector.modify(host.socket, events, host)

    def _serve(self, host: HostProcess, mask: int) -> None:
        try:
            if mask & selectors.EVENT_WRITE:
                host.flush()
                self._watch(host)
            if mask & selectors.EVENT_READ:
                for message in host.receive():
                    self._take(host, message)
        except HostLost as lost:
            self._lose(host, lost)

    def _take(self, host: HostProcess, message: Ready | Progress | Outcome) -> None:
        task = host.task
        if isinstance(message, Ready):
            self._became_ready(host, message)
        elif task is None or message.job_id != task.job_id:
            raise HostLost("host-protocol", "the model host answered for a task it was not given")
        elif isinstance(message, Progress):
            self._answers.append(message)
        elif (message.attempt, message.kind) != (task.attempt, task.kind):
            raise HostLost("host-protocol", "the model host answered for an attempt it was not given")
        elif message.status == "cancelled" and not host.cancelling:
            raise HostLost("host-protocol", "the model host cancelled a task by itself")
        else:
            self._finished(host, message)

    def _became_ready(self, host: HostProcess, message: Ready) -> None:
        if message.model_digest != host.digest:
            raise HostLost("host-protocol", "the model host loaded another package than it was given")
        host.ready = True
        if host.task is not None and not host.cancelling:
            host.limit_s = self._clock.monotonic_s() + host.task.deadline_s
        _log.info("host.ready", pid=host.process.pid, model=message.model_name, load_s=round(message.load_s, 3))

    def _finished(self, host: HostProcess, outcome: Outcome) -> None:
        self._answers.append(outcome)
        host.task, host.cancelling, host.limit_s = None, False, None
        host.last_used_s = self._clock.monotonic_s()
        # Whatever went wrong may still sit in that process: memory, a device, a half-loaded package.
        if outcome.status == "infra_error" or outcome.broken_package or not host.ready:
            self._drop(host)

    def _lose(self, host: HostProcess, lost: HostLost) -> None:
        _log.error("host.lost", pid=host.process.pid, code=lost.code, reason=lost.reason)
        if host.task is not None:
            cancelled = host.cancelling
            outcome = cancelled_outcome(host.task) if cancelled else infra_outcome(host.task, lost.code, lost.reason)
            self._answers.append(outcome)
        self._drop(host)

    def _end_overdue(self) -> None:
        now_s = self._clock.monotonic_s()
        for host in [host for host in self._hosts if host.limit_s is not None and now_s >= host.limit_s]:
            assert host.task is not None
            if host.ready:
                lost = HostLost("deadline", f"the task ran longer than its limit of {host.task.deadline_s:g} s")
            else:
                lost = HostLost("host-start-timeout", f"the model was not loaded within {self._start_limit_s:g} s")
            self._lose(host, lost)

    def _drop(self, host: HostProcess) -> None:
        # A host that broke the protocol in the middle of a batch of messages may be dropped already.
        if host not in self._hosts:
            return
        self._hosts.remove(host)
        self._selector.unregister(host.socket)
        host.kill()
        self._dying.append(host.process)

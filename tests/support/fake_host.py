"""A fault injector in the shape of a model host: speaks the real protocol over a real socket and misbehaves when told to.

A task's parameter ``fault`` says how; the name of the package folder says it for the start: ``dies-at-start``,
``never-ready``, ``broken``, ``other-digest``. Run as ``python -m tests.support.fake_host``.
"""

from __future__ import annotations

import argparse
import os
import socket
import sys
import threading
from pathlib import Path

from inference.protocol import (
    MAX_ANSWER_BYTES,
    MAX_TASK_BYTES,
    BlobRef,
    Cancel,
    LineCutter,
    Outcome,
    Progress,
    Ready,
    ResultBlob,
    TaskSpec,
    encode_line,
    to_host,
)

ANSWERS: dict[str, dict[str, object]] = {
    "cancel-itself": {"status": "cancelled", "reason_code": "cancelled"},
    "no-output": {"status": "ok"},
    "refuse": {"status": "refused", "reason_code": "slice-gap", "reason": "a slice is missing"},
    "bad-output": {"status": "model_error", "reason_code": "output-labels", "reason": "label 9 is not declared"},
    "broken": {"status": "model_error", "reason_code": "manifest-invalid", "reason": "no grid", "broken_package": True},
    "infra": {"status": "infra_error", "reason_code": "io", "reason": "ENOSPC"},
}
RAW = {
    "garbage": b'{"message": "outcome", "job_id": "no"}\n',
    "long-line": b"x" * (MAX_ANSWER_BYTES + 65536),
}


class FakeHost:
    """Reads tasks in the main thread; end-of-file ends the process as in the real host."""

    def __init__(self, connection: socket.socket, package: str, digest: str) -> None:
        self.connection = connection
        self.package = package
        self.digest = digest
        self.cancelled = threading.Event()
        self.tasks: list[TaskSpec] = []
        self.arrived = threading.Semaphore(0)
        threading.Thread(target=self.read, daemon=True).start()

    def read(self) -> None:
        lines = LineCutter(MAX_TASK_BYTES)
        while chunk := self.connection.recv(65536):
            for line in lines.feed(chunk):
                message = to_host.validate_json(line)
                if isinstance(message, Cancel):
                    self.cancelled.set()
                else:
                    self.tasks.append(message)
                    self.arrived.release()
        os._exit(0)

    def run(self) -> None:
        if self.package == "dies-at-start":
            os._exit(7)
        if self.package == "never-ready":
            threading.Event().wait()
        if self.package == "broken":
            self.arrived.acquire()
            self.answer(self.tasks.pop(), **ANSWERS["broken"])
            threading.Event().wait()
        digest = "0" * 64 if self.package == "other-digest" else self.digest
        self.send(encode_line(Ready(model_name=self.package, model_digest=digest, load_s=0.0)))
        while True:
            self.arrived.acquire()
            self.work(self.tasks.pop())

    def work(self, task: TaskSpec) -> None:
        fault = task.parameters.get("fault", "")
        for stage in ("read", "network"):
            self.send(encode_line(Progress(job_id=task.job_id, stage=stage, fraction=1.0)))
        if fault in ANSWERS:
            self.answer(task, **ANSWERS[fault])
        elif fault in RAW:
            self.send(RAW[fault])
        else:
            self.misbehave(task, fault)

    def misbehave(self, task: TaskSpec, fault: str) -> None:
        match fault:
            case "":
                self.answer(task, status="ok", environment={"process": str(os.getpid())}, **self.output(task))
            case "crash":
                os._exit(9)
            case "hang":
                threading.Event().wait()
            case "wait-for-cancel":
                self.cancelled.wait()
                self.answer(task, status="cancelled", reason_code="cancelled")
            case "wrong-attempt":
                self.answer(task.model_copy(update={"attempt": task.attempt + 1}), status="ok")
            case "wrong-job":
                self.answer(task.model_copy(update={"job_id": task.job_id + 1}), status="ok")
            case _:
                sys.exit(f"no such fault: {fault}")

    def output(self, task: TaskSpec) -> dict[str, object]:
        blob = BlobRef(key=f"{task.output_prefix}/{task.kind}", sha256="0" * 64, size_bytes=1)
        if task.kind == "infer":
            return {"prediction": blob}
        roles = {"seg": "1.2.840.10008.5.1.4.1.1.66.4", "sr": "1.2.840.10008.5.1.4.1.1.88.34"}
        results = []
        for number, (role, sop_class_uid) in enumerate(roles.items(), 1):
            uid = f"2.25.{task.job_id}{number}"
            result = {"role": role, "blob": blob, "sop_class_uid": sop_class_uid, "sop_instance_uid": uid}
            results.append(ResultBlob.model_validate({**result, "series_instance_uid": f"{uid}0"}))
        return {"results": tuple(results)}

    def answer(self, task: TaskSpec, **fields: object) -> None:
        identity = {"job_id": task.job_id, "attempt": task.attempt, "kind": task.kind}
        self.send(encode_line(Outcome.model_validate({**identity, **fields})))

    def send(self, payload: bytes) -> None:
        try:
            self.connection.sendall(payload)
        except OSError:
            os._exit(0)


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    for option in ("--package", "--digest", "--blobs", "--threads"):
        parser.add_argument(option, required=True)
    parser.add_argument("--fd", type=int, required=True)
    given = parser.parse_args()
    FakeHost(socket.socket(fileno=given.fd), Path(given.package).name, given.digest).run()

"""What the dispatcher and a model host say to each other: one JSON document a line over a socket pair.

The dispatcher sends ``TaskSpec`` and ``Cancel``; the host answers with ``Ready`` once, then ``Progress`` and exactly one
``Outcome`` a task. Messages hold blob keys and digests, never paths and never pixels. End-of-file on either side means the
other has died: the host exits, the dispatcher counts an infrastructure failure. Absent on purpose: torch, the database.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter

# A study of twenty thousand instances makes a task of about five megabytes; an answer holds no list that grows with the study.
MAX_TASK_BYTES = 32 << 20
MAX_ANSWER_BYTES = 1 << 20


class _Message(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class InstanceRef(_Message):
    """One stored Instance of an input Series, by blob."""

    sop_instance_uid: str
    sha256: str
    blob_key: str


class SeriesRef(_Message):
    """One input Series; ``instances`` in no particular order (geometry decides)."""

    series_instance_uid: str
    instances: tuple[InstanceRef, ...]


class BlobRef(_Message):
    """A blob with its size and digest."""

    key: str
    sha256: str
    size_bytes: int


class TaskSpec(_Message):
    """One task of a job's attempt.

    ``created_at`` is the job's creation time (ISO 8601, UTC): result objects take every date and time from it, so that a
    repeated attempt yields the same bytes. ``uid_entropy`` likewise: (Study Instance UID, model digest, parameters digest,
    input digest, generation).

    ``prediction`` is what the infer task found, given to the report task: a blob of the label map, or of the class
    probabilities or boxes where the model's task is classification or detection.
    """

    message: Literal["task"] = "task"
    kind: Literal["infer", "report"]
    job_id: int
    attempt: int
    model_name: str
    model_digest: str
    parameters: dict[str, Any] = Field(default_factory=dict)
    study_instance_uid: str
    inputs: dict[str, SeriesRef]
    prediction: BlobRef | None = None
    output_prefix: str
    created_at: str
    uid_entropy: tuple[str, ...]
    deadline_s: float


class Cancel(_Message):
    """Stop the running task of this job; the host answers with an Outcome of status ``cancelled``."""

    message: Literal["cancel"] = "cancel"
    job_id: int


class Ready(_Message):
    """The host has loaded its model package and warmed it up."""

    message: Literal["ready"] = "ready"
    model_name: str
    model_digest: str
    load_s: float


class Progress(_Message):
    """``fraction`` runs from 0 to 1 within ``stage`` (read, prepare, network, restore, segmentation, report, validate)."""

    message: Literal["progress"] = "progress"
    job_id: int
    stage: str
    fraction: float


class ResultBlob(_Message):
    """One output of a report task. DICOM roles carry UIDs, others leave them empty."""

    role: Literal["seg", "sr", "overlay", "text", "json"]
    blob: BlobRef
    sop_class_uid: str = ""
    sop_instance_uid: str = ""
    series_instance_uid: str = ""


class Outcome(_Message):
    """How a task ended.

    ``refused``: InputError, the series can't be used. ``model_error``: the model or its output breaks the manifest
    (``broken_package`` tells which). ``infra_error``: disk, memory or device; to be retried. ``prediction``: see ``TaskSpec``.
    """

    message: Literal["outcome"] = "outcome"
    job_id: int
    attempt: int
    kind: Literal["infer", "report"]
    status: Literal["ok", "refused", "model_error", "infra_error", "cancelled"]
    reason_code: str = ""
    reason: str = ""
    broken_package: bool = False
    prediction: BlobRef | None = None
    results: tuple[ResultBlob, ...] = ()
    measurements: tuple[dict[str, Any], ...] = ()
    timings_s: dict[str, float] = Field(default_factory=dict)
    environment: dict[str, str] = Field(default_factory=dict)


ToHost = Annotated[TaskSpec | Cancel, Field(discriminator="message")]
FromHost = Annotated[Ready | Progress | Outcome, Field(discriminator="message")]
to_host: TypeAdapter[TaskSpec | Cancel] = TypeAdapter(ToHost)
from_host: TypeAdapter[Ready | Progress | Outcome] = TypeAdapter(FromHost)


def encode_line(message: BaseModel) -> bytes:
    """One message as a line of UTF-8 JSON, newline included."""
    return message.model_dump_json().encode() + b"\n"


class LineCutter:
    """Cuts a byte stream into lines and refuses a line that outgrows ``limit_bytes``, so that no peer can fill our memory."""

    def __init__(self, limit_bytes: int) -> None:
        self._limit_bytes = limit_bytes
        self._rest = bytearray()

    def feed(self, chunk: bytes) -> list[bytes]:
        """The lines that ``chunk`` completes, without their newlines.

        Raises
        ------
        ValueError
            A line is longer than the limit; the stream is of no more use.
        """
        *lines, rest = chunk.split(b"\n")
        if lines:
            lines[0] = bytes(self._rest) + lines[0]
            self._rest.clear()
        self._rest += rest
        if max(len(self._rest), *map(len, lines), 0) > self._limit_bytes:
            raise ValueError("line too long")
        return lines

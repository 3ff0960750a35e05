"""Who made a result, when, and under which UIDs: all of it from the task, so that a repeated task yields the same bytes.

General Equipment names Wetread; the model is named in Contributing Equipment with a Device UID that changes with its digest
(IHE AIR). Times are the job's creation time: in the source's Timezone Offset From UTC where it states one, else in UTC.
Absent on purpose: any clock, the machine's name.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta, timezone
from importlib.metadata import PackageNotFoundError, version

from inference.manifest import Manifest
from inference.protocol import TaskSpec
from storage.base.uids import derive_uid

MANUFACTURER = "Wetread"
NOT_FOR_CLINICAL_USE = "not for clinical use"
IMPLEMENTATION_CLASS_UID = derive_uid("wetread", "implementation class")
FIRST_SERIES_NUMBER = 9000
_LARGEST_SOURCE_NUMBER = 99_999
_DESCRIPTION_LENGTH = 64  # LO, PS3.5 6.2
_SERIES = {"seg": 0, "sr": 1}


@dataclass(frozen=True)
class Identity:
    """UIDs, time and names of one task's results; ``created`` is aware, ``task`` is what the model does."""

    entropy: tuple[str, ...]
    created: datetime
    model_name: str
    model_version: str
    model_manufacturer: str
    model_digest: str
    clinical_use: bool
    parameters: tuple[tuple[str, str], ...]
    task: str = "segmentation"

    def uid(self, *role: str) -> str:
        """The UID of one thing of this task, such as ``uid("seg", "instance")``."""
        return derive_uid(*self.entropy, *role)

    def of_head(self, head: str) -> Identity:
        """For the tracking identifiers of one head of several: labels of two heads have equal values."""
        return replace(self, entropy=(*self.entropy, head))

    @property
    def device_uid(self) -> str:
        """Device UID of the model (AIR): the same digest, the same device."""
        return derive_uid("wetread", "device", self.model_digest)

    @property
    def date(self) -> str:
        return self.created.strftime("%Y%m%d")

    @property
    def time(self) -> str:
        return self.created.strftime("%H%M%S.%f")

    @property
    def datetime(self) -> str:
        """VR DT with its offset, so that it can't be misread."""
        return self.created.strftime("%Y%m%d%H%M%S.%f%z")

    @property
    def series_description(self) -> str:
        """``AI NAME VERSION - not for clinical use``, within 64 characters; the name gives way."""
        tail = f" {self.model_version}" + ("" if self.clinical_use else f" - {NOT_FOR_CLINICAL_USE}")
        return f"AI {self.model_name}"[: _DESCRIPTION_LENGTH - len(tail)] + tail

    @property
    def contribution(self) -> str:
        """What the model did, as Contribution Description says it (PS3.3 C.12.1.1)."""
        return f"Automatic {self.task}" + ("" if self.clinical_use else f"; {NOT_FOR_CLINICAL_USE}")

    @property
    def content_qualification(self) -> str:
        """Content Qualification (PS3.3 C.12.1.1)."""
        return "PRODUCT" if self.clinical_use else "RESEARCH"


def identify(manifest: Manifest, model_digest: str, task: TaskSpec, timezone_offset: str = "") -> Identity:
    """Identity of the results of ``task``; ``timezone_offset`` as in Timezone Offset From UTC, such as ``+0100``."""
    created = datetime.fromisoformat(task.created_at)
    created = created.replace(tzinfo=created.tzinfo or UTC).astimezone(_zone(timezone_offset))
    return Identity(
        entropy=task.uid_entropy,
        created=created,
        model_name=manifest.name,
        model_version=manifest.version,
        model_manufacturer=manifest.manufacturer,
        model_digest=model_digest,
        clinical_use=manifest.clinical_use,
        parameters=tuple(sorted((key, str(value)) for key, value in task.parameters.items())),
        task=" and ".join(manifest.heads),
    )


def software_version() -> str:
    """Version of the installed distribution."""
    try:
        return version("wetread")
    except PackageNotFoundError:  # a checkout that nobody installed
        return "0"


def series_number(role: str, source_number: object) -> int:
    """9000 + 10 x the source's Series Number + 0 for SEG, 1 for SR; a source number that isn't a small number counts as 0."""
    text = str(source_number or "").strip()
    number = int(text) if text.isascii() and text.isdigit() else 0
    return FIRST_SERIES_NUMBER + 10 * (number if number <= _LARGEST_SOURCE_NUMBER else 0) + _SERIES[role]


def _zone(offset: str) -> timezone:
    """``+HHMM`` as a time zone; UTC for an empty or impossible one."""
    minutes = int(offset[1:3]) * 60 + int(offset[3:5]) if offset else 0
    if minutes >= 24 * 60:
        return UTC
    return timezone(timedelta(minutes=-minutes if offset.startswith("-") else minutes))

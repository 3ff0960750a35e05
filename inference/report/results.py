"""The results of a task, and how one is made out of what highdicom builds."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal, TypeVar

from pydicom.dataset import Dataset

from inference.report.sources.source import Source
from storage.base.errors import InputError, ModelError

# What highdicom and pydicom raise on a header they can't build from. Its text may quote the header, so only the type is told.
_BUILD_ERRORS = (ValueError, TypeError, AttributeError, KeyError, IndexError, RuntimeError)

Records = list[dict[str, Any]]
_Built = TypeVar("_Built")


@dataclass(frozen=True)
class ReportObject:
    """One result; those that aren't DICOM leave the UIDs empty."""

    role: Literal["seg", "sr", "overlay", "text", "json"]
    payload: bytes
    sop_class_uid: str = ""
    sop_instance_uid: str = ""
    series_instance_uid: str = ""


Made = tuple[list[ReportObject], bytes, Records]
"""The DICOM results, the SR last; the picture; the records."""


def built(source: Source, build: Callable[[], _Built]) -> _Built:
    """What ``build`` makes; its failures told without what they quote."""
    try:
        return build()
    except _BUILD_ERRORS as error:
        if error.args[:1] == (source.images[0].SOPClassUID,):  # highdicom has no module table for it
            raise InputError(
                "SOPClassUID of the source is retired or unknown, so no result can refer to it; send it as a current class",
                code="unsupported-source",
            ) from error
        raise ModelError(f"results can't be built ({type(error).__name__})", code="report-build") from error


def dicom_object(role: Literal["seg", "sr"], stored: Dataset, payload: bytes) -> ReportObject:
    return ReportObject(role, payload, str(stored.SOPClassUID), str(stored.SOPInstanceUID), str(stored.SeriesInstanceUID))

"""The error taxonomy: whose fault it is decides who retries.

A class docstring is the default message. ``code`` is stable and may be matched by scripts; ``facts`` are typed fields for
logs. Neither text nor facts may hold patient data: name the attribute keyword, never its value.
"""

from __future__ import annotations

from typing import ClassVar

Fact = str | int | float | bool | None


class WetreadError(Exception):
    """Something went wrong in Wetread."""

    code: ClassVar[str] = "error"

    def __init__(self, message: str | None = None, *, code: str | None = None, **facts: Fact) -> None:
        self.message = message or (type(self).__doc__ or "").strip().split("\n", 1)[0]
        self.reason_code = code or type(self).code
        self.facts = facts
        super().__init__(self.message)


class PeerError(WetreadError):
    """The other side broke DICOM or policy; it is answered with a status or a reject and nothing is retried."""

    code = "peer"


class InputError(WetreadError):
    """A valid data set that this model can't use; the job ends as refused and a person sees the reason."""

    code = "input"


class ModelError(WetreadError):
    """A model package or its output breaks its manifest."""

    code = "model"


class TransientError(WetreadError):
    """Disk, database, PACS or device did not answer; released and retried with back-off."""

    code = "transient"


class ConfigError(WetreadError):
    """The configuration can't be used; the program refuses to start, naming file and key."""

    code = "config"

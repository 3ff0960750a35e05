"""From a label map to results a PACS can keep: SEG, SR, and what people look at.

Everything is derived from the task, so a repeated task yields the same bytes; every DICOM object is read back and compared
with the label map before it may leave. Absent on purpose: sending, the database, torch.
"""

from __future__ import annotations

from inference.report.build import build_report
from inference.report.results import ReportObject

__all__ = ["ReportObject", "build_report"]
